"""Stored adaptations of the model, and the corrected digits that they are fitted to."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, update
from sqlalchemy.orm import undefer

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.storage.database import Database
from digitrec.storage.tables import LEARNABLE, StoredAdaptation, StoredField

_FETCHED = 1_000  # fields at a time


class Adaptations:
    """The adaptations in a database; each method is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def num_digits(self) -> int:
        """Return how many digits can be learned from: a person has confirmed or corrected them."""
        count = func.sum(StoredField.num_learnable)
        with self._database.read() as session:
            return session.scalar(select(count).where(LEARNABLE)) or 0

    def digits(self, limit: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return these digits, those of the newest records first; at most `limit`.

        Returns
        -------
        (N, 28, 28) uint8 normalized images, 255 is full ink, and (N,) uint8 labels.
        """
        query = (
            select(StoredField)
            .where(LEARNABLE)
            .order_by(StoredField.record_id.desc(), StoredField.position)
            .options(undefer(StoredField.digit_images))
            .execution_options(yield_per=_FETCHED)
        )
        with self._database.read() as session, closing(session.scalars(query)) as fields:
            pairs = list(islice((pair for field in fields for pair in field.labeled_digits()), limit))
        images = np.array([image for _, image in pairs], np.uint8)
        labels = np.array([label for label, _ in pairs], np.uint8)
        return images.reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX), labels

    def add(self, model: bytes, **values: Any) -> StoredAdaptation:
        """Store a model file as the active one, with the other columns of the table, and return it."""
        adaptation = StoredAdaptation(model=model, active=True, **values)
        with self._database.write() as session:
            session.execute(update(StoredAdaptation).values(active=False))
            session.add(adaptation)
        return adaptation

    def all(self) -> list[StoredAdaptation]:
        """Return all adaptations, the newest first."""
        with self._database.read() as session:
            return list(session.scalars(select(StoredAdaptation).order_by(StoredAdaptation.id.desc())))

    def active_id(self) -> int | None:
        """Return the ID of the active adaptation."""
        query = select(func.max(StoredAdaptation.id)).where(StoredAdaptation.active)
        with self._database.read() as session:
            return session.scalar(query)

    def model(self, adaptation_id: int) -> bytes | None:
        """Return the model file of an adaptation; None if it has been deleted."""
        with self._database.read() as session:
            return session.scalar(select(StoredAdaptation.model).filter_by(id=adaptation_id))

    def deactivate(self) -> None:
        """Let no adaptation be active."""
        with self._database.write() as session:
            session.execute(update(StoredAdaptation).values(active=False))
