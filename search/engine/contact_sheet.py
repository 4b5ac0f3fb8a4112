"""The search's contact sheet. The driver draws it, because a report may be written where the images are not."""

from collections.abc import Callable
from io import BytesIO

from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec
from trainers.data.arrays import TrialData
from trainers.files import write_atomically

EACH, SIDE, CLASSES = 6, 56, 10  # images per class, pixels of a side, classes: together some 50 kB in the page


def leave_contact_sheet(folder: SearchFolder, spec: SearchSpec, data: TrialData, say: Callable[[str], None]) -> None:
    """Draw the contact sheet if there is none yet. A failure is reported and does not stop the search."""
    if folder.contact_sheet.exists():
        return
    try:
        from trainers.data.sheet import draw_sheet  # imports Pillow

        drawn = BytesIO()
        sheet = draw_sheet(data, spec.representation.augment, each=EACH, side=SIDE, classes=CLASSES)
        sheet.save(drawn, "JPEG", quality=85)
        write_atomically(folder.contact_sheet, drawn.getvalue())
    except Exception as error:  # a picture must not stop a search
        say(f"the report will have no contact sheet ({type(error).__name__}: {error})")
