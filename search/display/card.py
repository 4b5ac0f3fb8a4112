"""A search as a small table for a notebook: its name, its state, its data and its best trials."""

from jinja2 import Environment, StrictUndefined

from search.display.tables import published_lines
from search.engine.status import counts_line, search_state, state_in_words
from search.evidence.ranking import in_words, ranking
from search.journal.labels import values_of
from search.storage.search_folder import SearchFolder

BEST = 5  # the most trials in the table
# the card sets no colours, so that it can be read in light and dark themes; its lines have the colour of the text
CARD = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string("""\
<div style="color:inherit;font-size:13px;line-height:1.4">
<div><strong>{{ name }}</strong>: {{ state }}, {{ counts }}</div>
<div style="opacity:.75">{{ data }}</div>
{% if rows %}
<div style="overflow-x:auto">
<table style="border-collapse:collapse;margin:.5em 0;font-size:inherit;color:inherit;background:none">
<tr>
{% for column in columns %}
<th scope="col" style="text-align:left;padding:2px 10px 2px 0;border-bottom:1px solid">{{ column }}</th>
{% endfor %}
</tr>
{% for row in rows %}
<tr style="background:none">
{% for cell in row %}
<td style="text-align:left;padding:2px 10px 2px 0">{{ cell }}</td>
{% endfor %}
</tr>
{% endfor %}
</table>
</div>
{% endif %}
{% for line in lines %}
<div style="opacity:.75">{{ line }}</div>
{% endfor %}
</div>
""")


def card(folder: SearchFolder) -> str:
    """The card of a search as HTML, which a notebook shows."""
    history, metric = folder.history(), folder.spec().search.metric_key.removeprefix("val_")
    ranked = ranking(folder, history)
    fresh = ["fresh seeds"] if ranked.validated else []
    decided = ["decided by"] if any(trial.decided is not None for trial in ranked.trials) else []
    rows = [
        [
            str(rank),
            str(trial.number),
            trial.family + (" (baseline)" if trial.baseline else ""),
            *([ranked.validated[trial.number].in_words() if trial.number in ranked.validated else ""] if fresh else []),
            f"{trial.score:.4f}",
            *(["" if trial.decided is None else f"{trial.decided:.4f}"] if decided else []),
            values_of(trial),
        ]
        for rank, trial in enumerate(ranked.trials[:BEST], 1)
    ]
    page = [f"report: {folder.report}"] if folder.report.exists() else []
    return CARD.render(
        name=folder.title,
        state=state_in_words(search_state(folder, history)),
        counts=counts_line(folder, history),
        data=folder.about()["provenance"]["data"]["description"],
        columns=["rank", "trial", "loss", *fresh, metric, *decided, "values"],
        rows=rows,
        lines=[*in_words(ranked), *published_lines(folder), *([] if folder.is_published() else page)],
    )
