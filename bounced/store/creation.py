"""Create all tables of an empty database at once, as the migrations would one after the other.

A first start spares itself Alembic, which takes as long as all else that it does with the store.
"""

from sqlalchemy import Connection, text

from bounced.store.schema import metadata

_TRIGGERS = {
    "sqlite": (
        """
        CREATE TRIGGER event_is_uncounted AFTER INSERT ON event
        BEGIN INSERT INTO uncounted (event_id) VALUES (NEW.id); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION note_uncounted_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO uncounted (event_id) VALUES (NEW.id); RETURN NULL; END $$
        """,
        """
        CREATE TRIGGER event_is_uncounted AFTER INSERT ON event
        FOR EACH ROW EXECUTE FUNCTION note_uncounted_event()
        """,
    ),
}
# As Alembic writes it, which goes on from here.
_VERSION = """
    CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""


def create(connection: Connection, version: str) -> str:
    """Create the tables and the triggers in the transaction of `connection`, and note the version that they are of."""
    metadata.create_all(connection, checkfirst=False)
    for statement in (*_TRIGGERS[connection.dialect.name], _VERSION):
        connection.exec_driver_sql(statement)
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:version)"), {"version": version})
    return version
