"""Forms, records, fields and adaptations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "forms",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("reference", sa.LargeBinary),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "records",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("form_id", sa.Integer, sa.ForeignKey("forms.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("fit", sa.Double),
        sa.Column("is_checked", sa.Boolean, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text),
        sa.UniqueConstraint("form_id", "sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_records_form_id_id", "records", ["form_id", "id"])
    op.create_index("ix_records_created_at", "records", ["created_at"])
    op.create_table(
        "fields",
        sa.Column(
            "record_id",
            sa.Integer,
            sa.ForeignKey("records.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("transcript", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("checked_at", _TIME),
        sa.Column("checked_by", sa.Text),
        sa.Column("num_learnable", sa.Integer, nullable=False),
        sa.Column("digits", sa.JSON, nullable=False),
        sa.Column("image", sa.LargeBinary, nullable=False),
        sa.Column("digit_images", sa.LargeBinary),
    )
    learnable = sa.text("num_learnable > 0")
    op.create_index(
        "ix_fields_num_learnable",
        "fields",
        ["num_learnable"],
        sqlite_where=learnable,
        postgresql_where=learnable,
    )
    op.create_table(
        "adaptations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text),
        sa.Column("digits", sa.Integer, nullable=False),
        sa.Column("held_out", sa.Integer, nullable=False),
        sa.Column("before", sa.Double, nullable=False),
        sa.Column("after", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("model", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("adaptations", "fields", "records", "forms"):
        op.drop_table(table)
