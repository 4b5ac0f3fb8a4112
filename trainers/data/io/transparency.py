"""Compose transparent pixels on a background, so that colours hidden under them never reach a network."""

from PIL import Image, ImageColor

# for a PNG of few bits: Pillow scales its levels to 8 bits, but not its transparent level
WIDENED = {"L;2": 85, "L;4": 17}

Colour = tuple[int, int, int]


def rgb_of(colour: str) -> Colour:
    """Red, green and blue, 0..255, from a name or hex digits."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def is_grey(colour: Colour) -> bool:
    """Whether the colour is grey."""
    return len(set(colour)) == 1


def may_be_transparent(image: Image.Image) -> bool:
    """Whether the header declares transparency; all pixels may still be opaque."""
    return image.has_transparency_data


def correct_transparent_level(image: Image.Image) -> None:
    """Scale the transparent level of a PNG of 2 or 4 bits as Pillow will scale its pixels.

    Call this function before the pixels are loaded.
    """
    level = image.info.get("transparency")
    tile = getattr(image, "tile", None)
    if isinstance(level, int) and tile and image.mode == "L":
        image.info["transparency"] = level * WIDENED.get(str(tile[0].args), 1)


def on_background(image: Image.Image, background: Colour) -> Image.Image:
    """Lay the image on the background. Opaque pixels stay as they are.

    The result has mode L or RGB if the header declares transparency. Else it is the image itself, unchanged.

    A BMP whose every pixel is transparent is taken as opaque: some programs leave the alpha byte empty.
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
