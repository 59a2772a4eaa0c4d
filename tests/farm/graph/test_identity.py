"""What identifies a job: not the files that a server happens to list."""

import uuid

from kinema.farm.graph.identity import node_facts, prompt_id


def test_files_that_come_and_go_do_not_change_the_facts_of_a_node() -> None:
    old = {"A": {"input": {"required": {"file": [["x"], {"default": "x", "tooltip": "t"}], "n": ["INT", {"max": 3}]}}}}
    new = {"A": {"input": {"required": {"file": [["x", "y"], {"default": "y"}], "n": ["INT", {"max": 3}]}}}}
    other = {"A": {"input": {"required": {"file": [["x"], {}], "n": ["INT", {"max": 4}]}}}}
    facts = [node_facts(info, {"A"}) for info in (old, new, other)]
    assert facts[0] == facts[1] != facts[2]
    v3 = [{"A": {"input": {"required": {"f": ["COMBO", {"options": names}]}}}} for names in (["x"], ["x", "y"])]
    assert node_facts(v3[0], {"A"}) == node_facts(v3[1], {"A"})


def test_ids_of_prompts_differ_by_folder_job_and_attempt() -> None:
    one, two = uuid.UUID(int=1), uuid.UUID(int=2)
    ids = {prompt_id(run, job, "key", attempt) for run in (one, two) for job in ("a", "b") for attempt in (1, 2)}
    assert len(ids) == 8 and all(str(uuid.UUID(name)) == name for name in ids)
    assert prompt_id(one, "a", "key", 1) == prompt_id(one, "a", "key", 1)
