import pytest
import sklearn.metrics as reference
import torch

from trainers.stages.metrics import balanced_accuracy, confusion_matrix, evaluate, recalls


@pytest.fixture(params=[2, 3, 7])
def scored(request):
    draws = torch.Generator().manual_seed(request.param)
    labels = torch.arange(210) % request.param
    logits = torch.randn(210, request.param, generator=draws) + 2 * torch.nn.functional.one_hot(labels)
    return logits.round(decimals=1), labels  # rounded: ties among the scores


def test_metrics_are_those_of_scikit_learn(scored):
    logits, labels = scored
    metrics, confusion = evaluate(logits, labels)
    predicted, scores = logits.argmax(1).numpy(), logits.double().softmax(1).numpy()
    assert confusion.tolist() == reference.confusion_matrix(labels, predicted).tolist()
    assert metrics["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(labels, predicted))
    assert metrics["accuracy"] == pytest.approx(reference.accuracy_score(labels, predicted))
    assert metrics["macro_f1"] == pytest.approx(reference.f1_score(labels, predicted, average="macro"))
    wanted = scores[:, 1] if scores.shape[1] == 2 else scores
    area = reference.roc_auc_score(labels, wanted, multi_class="ovr", average="macro")
    assert metrics["auroc"] == pytest.approx(area, abs=1e-6)
    fair = 1 / torch.bincount(labels)[labels].double().numpy()  # each class counts alike
    log_loss = reference.log_loss(labels, scores, sample_weight=fair)
    assert metrics["neg_balanced_log_loss"] == pytest.approx(-log_loss, abs=1e-12)
    of_true_class = scores[range(len(labels)), labels]
    assert metrics["soft_balanced_accuracy"] == pytest.approx((of_true_class * fair).sum() / fair.sum(), abs=1e-12)


def test_scores_so_sure_that_they_are_wrong_by_certainty_stay_finite():
    metrics, _ = evaluate(torch.tensor([[1e4, 0.0], [1e4, 0.0]]), torch.tensor([0, 1]))
    assert metrics["neg_balanced_log_loss"] == -5e3
    assert metrics["soft_balanced_accuracy"] == 0.5


def test_a_class_that_is_never_predicted_has_no_recall_and_no_f1():
    metrics, confusion = evaluate(torch.tensor([[1.0, 0.0]] * 10), torch.tensor([0] * 9 + [1]))
    assert recalls(confusion).tolist() == [1, 0]
    assert metrics["balanced_accuracy"] == 0.5
    assert metrics["accuracy"] == 0.9
    assert metrics["macro_f1"] == pytest.approx(9 / 19)
    assert metrics["auroc"] == 0.5


def test_balanced_accuracy_is_isic_2018s_metric_on_seven_classes_of_its_sizes():
    sizes = torch.tensor([1113, 6705, 514, 327, 1099, 115, 142])  # MEL NV BCC AKIEC BKL DF VASC
    labels = torch.arange(7).repeat_interleave(sizes)
    logits = torch.randn(len(labels), 7, generator=torch.Generator().manual_seed(0))
    logits[torch.arange(len(labels)), labels] += torch.linspace(0, 3, 7)[labels]  # some classes are easier
    predicted = logits.argmax(1)
    score = balanced_accuracy(confusion_matrix(predicted, labels, 7))
    assert score == pytest.approx(reference.balanced_accuracy_score(labels, predicted), abs=1e-12)
    assert abs(score - reference.accuracy_score(labels, predicted)) > 0.1
