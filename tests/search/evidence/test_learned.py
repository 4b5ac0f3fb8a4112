"""What the best of each loss says, and how sure it is."""

from types import SimpleNamespace

from search.evidence.learned import best_of_each, in_words


def trial(number, family, score):
    return SimpleNamespace(number=number, family=family, score=score)


RANKED = [trial(4, "CE", 0.83), trial(2, "AFCL", 0.82), trial(3, "AFCL", 0.81), trial(0, "CL", 0.70)]


def test_the_first_of_each_family_stands_for_it_the_best_first():
    assert [one.number for one in best_of_each(RANKED)] == [4, 2, 0]
    assert [one.number for one in best_of_each(RANKED[::-1])] == [4, 3, 0], "first by rank, not by score"


def test_losses_within_two_standard_errors_are_not_told_apart():
    said = list(in_words(RANKED, lambda one: 0.02))
    assert said[0] == "The best of each loss, one seed each: CE 0.8300, AFCL 0.8200, CL 0.7000."
    assert said[1].startswith("This search does not tell CE from AFCL: they lie within 2 standard errors")
    assert "CE from AFCL and CL:" in list(in_words(RANKED, lambda one: 0.2))[1]


def test_a_clear_lead_is_said_with_what_it_does_not_cover():
    assert "above each other loss; only fresh seeds" in list(in_words(RANKED, lambda one: 0.001))[1]


def test_nothing_is_called_better_where_errors_are_unknown_and_nothing_is_said_of_one_loss():
    assert list(in_words(RANKED, lambda one: None))[1].endswith("so no loss is called better.")
    assert list(in_words(RANKED[:1], lambda one: 0.01)) == []
