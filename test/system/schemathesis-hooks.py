"""What schemathesis can't know from the document: keys with a right checksum, and how a job proves itself."""

import itertools
import json
import os
import urllib.request

import schemathesis
from hypothesis import strategies

KEYS = os.environ["PUBLIC_KEYS"].split()
# Gives the body that a job in progress would send to an operation.
JOB = os.environ.get("JOB_URL")
GRANTED = ["repository", "role", "Repo", "RoleARN"]

schemathesis.openapi.format("age-x25519-recipient", strategies.sampled_from(KEYS))

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
count = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    if not isinstance(case.body, dict) or not case.meta or not case.meta.generation.mode.is_positive:
        return
    case.body = plain(case.body)
    turn = next(count) % 3
    if not JOB or turn == 0:
        return
    with opener.open(JOB + case.operation.path) as answer:
        honest = json.load(answer)
    # A third is what a job sends; another third names what a grant gives, and lacks all else of the job's.
    case.body = honest if turn == 1 else {**case.body, **only(honest, GRANTED)}


def only(body, names):
    return {name: body[name] for name in names if name in body}


def plain(value):
    """For JSON Schema 1.0 is an integer; the broker takes no number that has two spellings."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
