"""Transparent pixels, seen on a background: what an image hides under them never reaches a network."""

from PIL import Image, ImageColor

# of a PNG whose levels are widened when it is read, while its transparent one stays as it is in the file
WIDENED = {"L;2": 85, "L;4": 17}

Colour = tuple[int, int, int]


def rgb_of(colour: str) -> Colour:
    """Red, green and blue, 0..255, of a name or of hex digits."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def is_grey(colour: Colour) -> bool:
    """Whether a grey image can hold the colour."""
    return len(set(colour)) == 1


def may_be_transparent(image: Image.Image) -> bool:
    """What the header says; the pixels may all be opaque none the less."""
    return image.has_transparency_data


def correct_transparent_level(image: Image.Image) -> None:
    """Bring the one transparent level of a PNG of 2 or 4 bits to that of the pixels. Call it before they are loaded."""
    level = image.info.get("transparency")
    tile = getattr(image, "tile", None)
    if isinstance(level, int) and tile and image.mode == "L":
        image.info["transparency"] = level * WIDENED.get(str(tile[0].args), 1)


def on_background(image: Image.Image, background: Colour) -> Image.Image:
    """The image without transparency: L or RGB where it had some, else as it was. One that is opaque keeps its pixels.

    A BMP of which every pixel is transparent is taken as opaque: programs leave that byte empty.
    """
    if not may_be_transparent(image):
        return image
    whole = image.convert("RGBA") if image.mode not in ("LA", "La") else image.convert("LA")
    alpha = whole.getchannel("A")
    lowest, highest = alpha.getextrema()
    colours = whole.convert("L" if whole.mode == "LA" else "RGB")
    if lowest == 255 or (highest == 0 and image.format == "BMP"):
        return colours
    if colours.mode == "L" and not is_grey(background):
        colours = colours.convert("RGB")
    paper = Image.new(colours.mode, colours.size, background[0] if colours.mode == "L" else background)
    paper.paste(colours, mask=alpha)
    return paper
