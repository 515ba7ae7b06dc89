"""What FakeCluster and a real API server both do with ConfigMaps; the real one with the marker integration."""

from typing import Any

import msgspec
import pytest
from contract.worlds import World
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import configmapowner
from simjob.core.facts.apiobjects import Owner
from simjob.runtime.client.errors import AlreadyExistsError, ConflictError, InvalidError, NotFoundError
from simjob.runtime.cluster.calls import Cluster, ConfigMap

STRANGER = "0b0c4fd2-5f39-4c0e-9a05-00000000dead"


def a_body(sweep: SimulationJob, name: str = "table", **data: str) -> bytes:
    meta = sweep.metadata
    owner = {"apiVersion": sweep.api_version, "kind": sweep.kind, "name": meta.name, "uid": meta.uid}
    metadata = {"name": name, "ownerReferences": [{**owner, "controller": True}]}
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    return msgspec.json.encode(body)


def an_owner(sweep: SimulationJob) -> Owner:
    meta = sweep.metadata
    return Owner(uid=meta.uid, name=meta.name, kind=sweep.kind, api_version=sweep.api_version, controller=True)


async def test_a_new_config_map_is_found_unchanged(cluster: Cluster, sweep: SimulationJob) -> None:
    namespace = sweep.metadata.namespace
    made = await cluster.create_config_map(namespace, a_body(sweep, rows='1,2\r\n"ü"\n'))
    expected = ConfigMap(
        uid=made.uid,
        resource_version=made.resource_version,
        owners=(an_owner(sweep),),
        data={"rows": '1,2\r\n"ü"\n'},
    )
    assert made.uid
    assert made == expected
    assert await cluster.get_config_map(namespace, "table") == expected


async def test_binary_keys_of_a_config_map_without_an_owner_are_read(cluster: Cluster, world: World) -> None:
    await world.make_config_map("theirs", {"text": "t"}, {"picture.png": "iVBORw=="})
    found = await cluster.get_config_map(world.namespace, "theirs")
    assert (found.owner_uid, found.data, found.binary) == ("", {"text": "t"}, {"picture.png": b"\x89PNG"})


async def test_a_missing_config_map_is_not_found(cluster: Cluster, world: World) -> None:
    with pytest.raises(NotFoundError):
        await cluster.get_config_map(world.namespace, "not-there")


async def test_a_second_config_map_of_the_name_already_exists(cluster: Cluster, sweep: SimulationJob) -> None:
    await cluster.create_config_map(sweep.metadata.namespace, a_body(sweep))
    with pytest.raises(AlreadyExistsError):
        await cluster.create_config_map(sweep.metadata.namespace, a_body(sweep))


# The operator never sends this much.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_config_map_over_one_mebibyte_is_invalid(cluster: Cluster, sweep: SimulationJob) -> None:
    with pytest.raises(InvalidError):
        await cluster.create_config_map(sweep.metadata.namespace, a_body(sweep, a="x" * 1024 * 1024, b="y"))


async def test_a_change_is_merged_into_the_data(cluster: Cluster, sweep: SimulationJob) -> None:
    namespace = sweep.metadata.namespace
    made = await cluster.create_config_map(namespace, a_body(sweep, kept="k", rows="1\n"))
    found = await cluster.write_config_map(namespace, "table", made.uid, made.resource_version, {"rows": "1\n2\n"})
    assert found.data == {"kept": "k", "rows": "1\n2\n"}
    assert found.resource_version != made.resource_version
    assert await cluster.get_config_map(namespace, "table") == found


async def test_a_changed_or_recreated_config_map_is_not_written(cluster: Cluster, sweep: SimulationJob) -> None:
    namespace = sweep.metadata.namespace
    made = await cluster.create_config_map(namespace, a_body(sweep, rows="1\n"))
    newer = await cluster.write_config_map(namespace, "table", made.uid, made.resource_version, {"rows": "2\n"})
    with pytest.raises(ConflictError):
        await cluster.write_config_map(namespace, "table", made.uid, made.resource_version, {"rows": "3\n"})
    with pytest.raises(ConflictError):
        await cluster.write_config_map(namespace, "table", STRANGER, newer.resource_version, {"rows": "3\n"})
    assert (await cluster.get_config_map(namespace, "table")).data == {"rows": "2\n"}


async def test_a_missing_config_map_is_not_written(cluster: Cluster, world: World) -> None:
    with pytest.raises(NotFoundError):
        await cluster.write_config_map(world.namespace, "not-there", STRANGER, "1", {"rows": "1\n"})


async def test_adoption_changes_only_owner_and_label(cluster: Cluster, sweep: SimulationJob, world: World) -> None:
    await world.make_config_map("table", {"rows": "1\n"}, {})
    found = await cluster.get_config_map(world.namespace, "table")
    metadata = configmapowner.adopted(sweep)
    with pytest.raises(ConflictError):
        await cluster.write_config_map(world.namespace, "table", STRANGER, found.resource_version, {}, metadata)
    with pytest.raises(ConflictError):
        await cluster.write_config_map(world.namespace, "table", found.uid, "1", {}, metadata)
    adopted = await cluster.write_config_map(world.namespace, "table", found.uid, found.resource_version, {}, metadata)
    assert (adopted.owners, adopted.data) == ((an_owner(sweep),), {"rows": "1\n"})
    assert adopted.labels == {**found.labels, "simjob.dev/uid": sweep.metadata.uid}
    assert await cluster.get_config_map(world.namespace, "table") == adopted
