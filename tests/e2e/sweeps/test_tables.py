"""Tables as users create them with kubectl and kustomize, read by the deployed operator."""

import json
import os
from pathlib import Path

import duckdb
import pytest
from cluster.deploy import ROOT
from e2e.support.namespace import Namespace
from e2e.support.sweep import Sweep, manifest

pytestmark = pytest.mark.e2e

SAY = "env | grep ^PARAM_ | sort"


def test_tables_of_common_programs_reach_the_simulations_correctly(namespace: Namespace, tmp_path: Path) -> None:
    """UTF-16 and Parquet are in binaryData then; the operator's container has a read-only root, and 512 MiB."""
    columns = "'coarse' AS mesh, 0.1::FLOAT AS \"tol [mm]\", 1.10::DECIMAL(3, 2) AS version"
    duckdb.sql(f"COPY (SELECT {columns}) TO '{tmp_path / 'pandas.parquet'}' (FORMAT parquet)")
    (tmp_path / "excel.csv").write_bytes("\ufeffNetz;Winkel\r\ngrob;2,50\r\n;\r\n".encode())
    (tmp_path / "unicode.txt").write_bytes("\ufeffmesh\tre\r\nüber\t1e5\r\n".encode("utf-16-le"))
    namespace.run("create", "configmap", "tables", f"--from-file={tmp_path}")
    sweeps = {
        key: namespace.sweep(SAY, name=key.partition(".")[0], cases={"configMap": {"name": "tables", "key": key}})
        for key in ("pandas.parquet", "excel.csv", "unicode.txt")
    }
    for sweep in sweeps.values():
        sweep.wait_phase("COMPLETED")
    logs = {key: namespace.run("logs", f"job/{sweep.job(0)}").split() for key, sweep in sweeps.items()}
    assert logs == {
        "pandas.parquet": ["PARAM_MESH=coarse", "PARAM_TOL_MM=0.1", "PARAM_VERSION=1.10"],
        "excel.csv": ["PARAM_NETZ=grob", "PARAM_WINKEL=2.50"],
        "unicode.txt": ["PARAM_MESH=über", "PARAM_RE=1e5"],
    }
    assert sweeps["pandas.parquet"].status["caseTable"]["format"] == "Parquet"


def test_a_table_that_kustomize_generates_is_found(namespace: Namespace, tmp_path: Path) -> None:
    sweep = manifest("wing", SAY, 5, {"cases": {"configMap": {"name": "wing-cases", "key": "cases.csv"}}})
    (tmp_path / "sweep.json").write_text(json.dumps(sweep))
    (tmp_path / "cases.csv").write_text("mesh,re\ncoarse,100000\n")
    kustomization = {
        "namePrefix": "july-",
        "resources": ["sweep.json"],
        "configMapGenerator": [{"name": "wing-cases", "files": ["cases.csv"]}],
        "components": [os.path.relpath(ROOT / "manifests/kustomize", tmp_path)],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))
    namespace.run("apply", "-k", str(tmp_path))
    wing = Sweep(namespace, "july-wing")
    wing.wait_phase("COMPLETED")
    assert namespace.run("logs", f"job/{wing.job(0)}").split() == ["PARAM_MESH=coarse", "PARAM_RE=100000"]
