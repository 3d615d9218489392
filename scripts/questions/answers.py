"""Answers the two questions from the files alone, one by one, with pydicom.

Reads paths from standard input, one a line, and prints one JSON object: `series` are the pairs (Study, Series Instance
UID) that have an instance of Modality CT; `patients` has for "Philips", and for every Manufacturer of a CT instance, the
pairs (Patient ID, its issuer) of which one instance is a CT whose Manufacturer contains that text. A patient without an
ID is one for each study. `unread` are files pydicom refuses.
"""

import json
import sys

from pydicom import dcmread


def texts(dataset, keyword):
    value = dataset.get(keyword)
    values = value if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue" else [value]
    return [str(one).strip(" \0") for one in values if one is not None and str(one).strip(" \0") != ""]


def first(dataset, keyword):
    return next(iter(texts(dataset, keyword)), "")


series, scanned, unread = set(), set(), []
TAGS = ["Modality", "Manufacturer", "PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID"]
for path in sys.stdin.read().splitlines():
    try:
        dataset = dcmread(path, stop_before_pixels=True, force=True, specific_tags=TAGS)
        study = first(dataset, "StudyInstanceUID")
        if study == "":
            raise ValueError("no Study Instance UID")
        if "CT" in texts(dataset, "Modality"):
            series.add((study, first(dataset, "SeriesInstanceUID")))
            patient = first(dataset, "PatientID")
            identity = (patient, first(dataset, "IssuerOfPatientID"), "") if patient else ("", "", study)
            scanned.update((maker, identity) for maker in texts(dataset, "Manufacturer"))
    except Exception as error:
        unread.append([path, type(error).__name__])

# Letters that a search would take for wildcards or for the end of a value are left to other tests.
makers = {"Philips"} | {maker for maker, _ in scanned if not set(maker) & set("*?\\")}
patients = {
    maker: sorted(identity[:2] for identity in {identity for own, identity in scanned if maker in own})
    for maker in sorted(makers)
}
print(json.dumps({"series": sorted(series), "patients": patients, "unread": unread}))
