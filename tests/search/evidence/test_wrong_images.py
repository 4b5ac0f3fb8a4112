"""Answers to images, the surest mistakes first."""

import numpy as np
import pytest

from search.evidence.wrong_images import a_few_of, judged, most_sure_and_wrong

LOGITS = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], dtype=np.float32))
LABELS = np.array([0, 1, 0, 0])


def test_an_answer_is_the_likeliest_class_with_its_probability():
    answers = judged(LOGITS + 5, LABELS)
    assert [(one.true, one.answer) for one in answers] == [(0, 0), (1, 0), (0, 1), (0, 1)]
    assert [one.probability for one in answers] == pytest.approx([0.9, 0.8, 0.7, 0.6])


def test_the_surest_mistakes_come_first():
    answers = judged(LOGITS, LABELS)
    assert [one.image for one in most_sure_and_wrong(answers, 2)] == [1, 2]
    assert most_sure_and_wrong(answers[:1], 2) == []


def test_a_few_of_a_class_are_drawn_by_lot_and_the_same_again():
    answers = judged(np.zeros((50, 2)), np.array([0, 1] * 25))
    few = a_few_of(answers, 1, 5, seed=0)
    assert len(few) == 5
    assert {one.true for one in few} == {1}
    assert few == a_few_of(answers, 1, 5, seed=0)
    assert a_few_of(answers, 2, 5, seed=0) == []
