"""A few images of each class on the page: as the trials read them, and augmented.

The driver draws this contact sheet when a search begins, so that writing the page needs no images.
"""

from search.reporting.context import View
from search.reporting.html import Section, paragraph, picture

TITLE = "The images"


def contact_sheet(view: View) -> Section | None:
    """The contact sheet; if the search's folder has none, a sentence instead."""
    try:
        content = view.folder.contact_sheet.read_bytes()
    except OSError:
        return Section(
            TITLE,
            paragraph(
                "No contact sheet: it is drawn when a search begins or is resumed, and there is none in its folder; "
                "`afcl data check SPEC --sheet FILE.png` draws one where the images are."
            ),
        )
    said = "Training images of each class, as the trials read them and as the spec's augmentation changes them."
    return Section(TITLE, picture(content, said))
