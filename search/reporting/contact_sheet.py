"""A few images of each class on the page: as the trials read them, and as augmentation changes them.

Drawn once from the data and kept in the search's folder, so that the picture outlives the images.
"""

from base64 import b64encode
from html import escape
from io import BytesIO

from search.reporting.context import View
from search.reporting.html import Section, paragraph
from trainers.errors import EnvironmentProblem, InputError
from trainers.files import write_atomically

TITLE = "The images"
EACH, SIDE, CLASSES = 6, 56, 10  # the page stays small: some 100 kB


def contact_sheet(view: View) -> Section | None:
    """The sheet; a sentence instead where the images are not at hand, or are not those of the search."""
    kept = view.folder.contact_sheet
    try:
        content = kept.read_bytes() if kept.exists() else _draw(view)
    except (InputError, EnvironmentProblem) as problem:
        return Section(TITLE, paragraph(f"No contact sheet: {problem}."))
    said = "Training images of each class, as the trials read them and as the spec's augmentation changes them."
    picture = f'<img alt="{escape(said)}" src="data:image/jpeg;base64,{b64encode(content).decode()}">'
    return Section(TITLE, f"<div class=wide tabindex=0>{picture}</div>{paragraph(said)}")


def _draw(view: View) -> bytes:
    from trainers.data.sheet import draw_sheet  # seconds, with torch: only for a sheet that is not there yet

    drawn = BytesIO()
    sheet = draw_sheet(view.images, view.spec.representation.augment, each=EACH, side=SIDE, classes=CLASSES)
    sheet.save(drawn, "JPEG", quality=85)
    write_atomically(view.folder.contact_sheet, drawn.getvalue())
    return drawn.getvalue()
