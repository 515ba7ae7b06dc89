"""A process gets each parameter byte for byte as it was written, from a real kubelet."""

import base64
import json
import re
from itertools import count
from typing import Any

import pytest
from cluster.images import oci
from e2e.support.namespace import Namespace
from given.expansion import environment, expand
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from integration.support.client import Object
from simjob.api import names

pytestmark = pytest.mark.e2e

TEXTS = 24
# The kubelet halves each pair of dollars before the shell sees it.
ECHO = """until [ -e /tmp/probed ]; do sleep 0.1; done
for file in /proc/$$$$/environ /proc/$$$$/cmdline /tmp/probed; do base64 -w0 $file; echo; done
"""
PROBE = r"""printf '%s\0' "$@" > /tmp/part; mv /tmp/part /tmp/probed"""
# What users write into the template is compared without these: how the kubelet reads them is its own matter.
STRANGE = re.compile(r"\$[^\x00-\x7f]")
HARD = [
    "US$$5",
    "$$x^2$$",
    "$$(SIMJOB_NAME)",
    "$(SIMJOB_NAME)",
    "$HOME 5$",
    "gcc -o $@ $<",
    "$(PARAM_P1)",
    "$$$$(PARAM_P1)",
    "$(",
    "$$(",
    "$()",
    "$é $网 $😀",
    "a\nb\r\nc\n",
    "\ttab \x01\x1b\x7f\x85\u2028\ufeff",
    "'single' \"double\" `back` \\ \\n",
    "",
    " blanks ",
    "{}[]*?~!#&|;<>",
    "%s %d %%",
    "--flag=value",
    "true",
    "1.10",
    "null",
    "x" * 1024,
]
characters = st.sampled_from("$$$$()()PARAM_1{} '\"\\\n\té网😀") | st.characters(codec="utf-8", exclude_characters="\0")
some_texts = st.lists(st.text(characters, max_size=30), min_size=TEXTS, max_size=TEXTS)
numbers = count()


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@example(texts=HARD)
@given(texts=some_texts)
def test_every_text_reaches_the_process_byte_for_byte(namespace: Namespace, texts: list[str]) -> None:
    parameters: dict[str, Any] = {f"p{number}": text for number, text in enumerate(texts)}
    parameters |= {"vector": [1.5, "$(HOME)", {"$$": "$"}, None], "number": 0.1, "warm": True}
    references = [f"$(PARAM_P{number})" for number in range(TEXTS)]
    container = {
        "name": "simulation",
        "image": oci.BUSYBOX,
        "command": ["sh", "-c", ECHO, "sh"],
        # The last is the text itself; what users write into the template is theirs, with Kubernetes' own rules.
        "args": [*references, "<$(PARAM_P0)$(PARAM_P1)>", "$$(PARAM_P0)"],
        "startupProbe": {
            "exec": {"command": ["sh", "-c", PROBE, "sh", *references, "$$(PARAM_P0)"]},
            "periodSeconds": 1,
            "failureThreshold": 10,
        },
        "env": [
            *(
                {"name": f"OWN_{number}", "value": text}
                for number, text in enumerate(texts)
                if not STRANGE.search(text)
            ),
            {"name": "OWN", "value": "<$(PARAM_P0)$(PARAM_P1)$$(PARAM_P2)>"},
        ],
    }
    case = {"name": "all", "parameters": parameters}
    sweep = namespace.apply(a_job(f"echo-{next(numbers)}", container, case))
    sweep.wait_phase("COMPLETED")
    environ, arguments, probed = (
        base64.b64decode(line).split(b"\0")[:-1] for line in namespace.run("logs", f"job/{sweep.job(0)}").splitlines()
    )
    found = dict(variable.split(b"=", 1) for variable in environ)

    written = [text.encode() for text in texts]
    assert [found[f"PARAM_P{number}".encode()] for number in range(TEXTS)] == written
    assert json.loads(found[b"SIMJOB_CASE_PARAMETERS"]) == parameters
    assert json.loads(found[b"PARAM_VECTOR"]) == parameters["vector"]
    assert (found[b"PARAM_NUMBER"], found[b"PARAM_WARM"]) == (b"0.1", b"true")

    first, second = written[:2]
    assert found[b"OWN"] == b"<" + first + second + b"$(PARAM_P2)>"
    assert arguments[-TEXTS - 2 :] == [*written, b"<" + first + second + b">", b"$(PARAM_P0)"]
    assert probed == [*written, b"$(PARAM_P0)"]
    # So the model that the unit tests use is right.
    pod = namespace.read("get", "pod", "-l", f"job-name={sweep.job(0)}")["items"][0]
    (ran,) = pod["spec"]["containers"]
    modelled = environment(ran["env"])
    assert {name: found[name] for name in modelled} == modelled
    assert arguments[-TEXTS - 2 :] == [expand(each.encode(), modelled) for each in ran["args"]]


def a_job(name: str, container: Object, case: Object) -> Object:
    spec = {"cases": {"list": [case]}, "template": {"spec": {"containers": [container]}}}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}
