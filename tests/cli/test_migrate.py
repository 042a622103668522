import asyncio

from tests.daemon.process import Site


def test_a_database_is_made_and_then_left_as_it_is(call, write_config):
    config = write_config()
    made, again = (call("migrate", "--config", config) for _ in range(2))
    assert (made.returncode, again.returncode) == (0, 0)
    assert made.stdout.endswith(", was not there\n")
    assert again.stdout.endswith(", as it was\n")


def test_a_server_that_is_not_there_is_a_failure(call, write_config):
    finished = call("migrate", "--config", write_config(), BOUNCED_STORE__URL="postgresql://127.0.0.1:1/x")
    assert finished.returncode == 1
    assert "the store cannot be used" in finished.stderr


async def test_any_number_may_migrate_one_postgresql_at_once(tmp_path, postgresql_url):
    site = Site(tmp_path, {"store": {"url": postgresql_url}, "admin": {"listen": ""}})
    runs = await asyncio.gather(*(site.run("migrate") for _ in range(3)), site.run("recipients", "list", "--jsonl"))
    assert [run.code for run in runs] == [0] * 4, [run.err for run in runs]
    assert sum("was not there" in run.out for run in runs) <= 1
    assert (await site.run("migrate")).out.endswith(", as it was\n")
