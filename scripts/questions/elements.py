"""Asks for one value of every element that there is, at whatever depth, from the files alone, with pydicom.

Reads paths from standard input, one a line, and prints a JSON list of [key, value, instances]: the key is a dotted path,
private elements by their creator (`0019xx10;CREATOR`), instances are the pairs (Study, SOP Instance UID) that have the
value in some item. Times are left to other tests, and so are letters that a search reads as something else.
"""

import json
import re
import sys
import unicodedata
import warnings
from collections import defaultdict

from pydicom import config, dcmread

warnings.simplefilter("ignore")
config.settings.reading_validation_mode = config.IGNORE

NUMBERS = {"IS", "DS", "US", "SS", "UL", "SL", "FL", "FD", "SV", "UV"}
TEXTS = {"AE", "AS", "CS", "DA", "LO", "SH", "ST", "LT", "UC", "UI", "UR", "UT"}
# Not in the index (pixel data, character set), or made of the whole archive: aggregates, addresses, the time zone.
LEFT_OUT = {"00080005", "00080056", "00080061", "00080062", "00080201", "00081190", "7FE00008", "7FE00009", "7FE00010"}
LEFT_OUT |= {"00201200", "00201202", "00201204", "00201206", "00201208", "00201209"}
LETTERS = str.maketrans({"Æ": "AE", "Ð": "D", "Ø": "O", "Þ": "TH", "Đ": "D", "Ħ": "H", "Ł": "L", "Ŋ": "N", "Œ": "OE", "Ŧ": "T", "ẞ": "SS"})


def folded(name):
    plain = "".join(letter for letter in unicodedata.normalize("NFD", name) if not 0x300 <= ord(letter) <= 0x36F)
    plain = unicodedata.normalize("NFC", plain.upper().translate(LETTERS))
    return ["^".join(part.strip() for part in group.split("^")).rstrip("^") for group in plain.split("=")]


def text_of(vr, value):
    """The value as a key has it; None for what cannot be one, or would be read in another way."""
    if isinstance(value, bytes) or vr not in NUMBERS | TEXTS | {"AT", "PN"}:
        return None
    text = "%08X" % int(value) if vr == "AT" else repr(float(value)) if vr == "FL" else str(value)
    text = text.strip(" \0")
    if vr in NUMBERS and not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return None
    if vr == "DA" and not re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|1\d|2[0-8])", text):
        return None
    # A name of delimiters alone names nobody.
    if vr == "PN" and folded(text)[0] == "":
        return None
    return text if 0 < len(text) < 500 and not set(text) & set('*?\\,="\0\ufffd') else None


def same(vr, value, text):
    if isinstance(value, bytes):
        return False
    if vr == "PN":
        return folded(text)[0] in folded(str(value))
    if vr in NUMBERS:
        try:
            return float(value) == float(text)
        except ValueError:
            return False
    return ("%08X" % int(value) if vr == "AT" else str(value).strip(" \0")) == text


def step_of(dataset, element):
    tag = "%08X" % element.tag
    if not element.tag.is_private or element.tag.is_private_creator or element.tag.element < 0x1000:
        return tag
    creator = dataset.get((element.tag.group, element.tag.element >> 8))
    name = str(creator.value).strip(" ") if creator is not None and creator.value else ""
    return f"{tag[:4]}xx{tag[6:]};{name}" if name else tag


def walk(dataset, path):
    for tag in dataset.keys():
        element = dataset[tag]
        step = step_of(dataset, element)
        if step in LEFT_OUT or step.endswith("0000"):
            continue
        if element.VR == "SQ":
            for item in element.value or []:
                yield from walk(item, [*path, step])
            continue
        values = [element.value] if isinstance(element.value, (str, bytes)) else element.value
        for value in values if isinstance(values, list) or type(values).__name__ == "MultiValue" else [values]:
            if value is not None and value != "":
                yield ".".join([*path, step]), element.VR, value


known = defaultdict(list)
for file in sys.stdin.read().splitlines():
    dataset = dcmread(file, force=True)
    instance = [str(dataset.StudyInstanceUID).strip(" \0"), str(dataset.SOPInstanceUID).strip(" \0")]
    for key, vr, value in walk(dataset, []):
        known[key].append((vr, value, instance))

questions = []
for key, facts in sorted(known.items()):
    asked = sorted({text for vr, value, _ in facts if (text := text_of(vr, value)) is not None})
    if asked:
        found = {tuple(instance) for vr, value, instance in facts if same(vr, value, asked[-1])}
        questions.append([key, asked[-1], sorted(found)])
print(json.dumps(questions))
