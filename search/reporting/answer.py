"""The head of the page: what came out, on which encoder, how it compares with chance, and what was learned."""

from search.engine.status import counts_line, luck_in_words, search_state, state_in_words
from search.evidence.learned import in_words as learned_in_words
from search.evidence.ranking import in_words as on_fresh_seeds
from search.journal.labels import searched, short, symbol
from search.reporting.chance import chance_level
from search.reporting.context import View, evidence_of
from search.reporting.html import Section, fill
from search.reporting.verdict_section import confirmed_sentences
from trainers.loss_config import END_TO_END


def answer(view: View) -> Section | None:
    """The verdict of a confirmation, the best trial, what was learned, what was trained, and how far the search is."""
    data = view.about["provenance"]["data"]["description"]
    state = state_in_words(search_state(view.folder, view.history))
    told_of = f"{data}; {state}: {counts_line(view.folder, view.history)}."
    told_of = " ".join([told_of, *luck_in_words(view.history)])
    told = [*confirmed_sentences(view), outcome(view), *_learned(view)]
    return Section("", fill("sections.html", "answer", told, [_trained(view), told_of]))


def outcome(view: View) -> str:
    """The best trial so far, its score and values, and how much of the score may be luck, in words."""
    if not view.ranked:
        return "No trial has finished yet."
    best, closed = view.ranked[0], view.history.closed
    is_done = closed is not None and closed["reason"] == "done"
    values = ", ".join(f"{symbol(path)} = {short(value)}" for path, value in searched(best).items())
    found = (
        f"{'Best' if is_done else 'Best so far'}: trial {best.number} ({best.family}) with {view.metric} "
        f"{best.score:.4f} at {values}."
    )
    if view.ranking.validated:
        return " ".join([found, *on_fresh_seeds(view.ranking)])
    error = view.error_of(best)
    doubt = "One seed each" + ("" if error is None else f", and a standard error of {error:.3f} from the images alone")
    return f"{found} {doubt}: nearby scores are not distinguished, and luck is part of the best one."


def _learned(view: View) -> list[str]:
    """What the search's own scores say about the losses, as a list with one text.

    The list is empty if they say nothing, and after a confirmation, whose verdict says more.
    """
    if evidence_of(view) is not None:
        return []
    return [said] if (said := " ".join(learned_in_words(view.ranked, view.error_of))) else []


def _trained(view: View) -> str:
    """Sentences on the encoder, how long it was trained, and what chance would score."""
    spec = view.spec
    first = spec.model.pretrained
    weights = "" if first is False else " with ImageNet weights" if first is True else " with first weights of a file"
    families = {trial.family for trial in view.history.trials.values()}
    length = f"{spec.representation.epochs} epochs"
    if families - END_TO_END.keys():
        tuned = ", then both trained on together" if spec.classifier.fine_tune else ""
        length += " of the representation, then a linear classifier on the frozen encoder" + tuned
    encoder = f"Encoder: {short(spec.model.encoder)}{weights}, {length}."
    level = chance_level(view)
    return encoder if level is None else f"{encoder} Chance would score {level:.3g}."
