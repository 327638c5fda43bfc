"""The peer of the list measure: models and versions the usual way in Python.

FastAPI, SQLAlchemy and SQLite; the page comes from one join with a group and a count, the total from a second query, the
answer through pydantic models. Served by one uvicorn worker:

    REGISTRY_DATABASE=FILE uvicorn registry:app
    python registry.py FILE MODELS VERSIONS        makes the database
"""

import asyncio
import math
import os
import sys
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from fastapi import FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

KEY = "peer.peer-peer-peer"


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}


class Model(Base):
    __tablename__ = "models"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    storage_path: Mapped[str]
    repository: Mapped[str | None]
    company: Mapped[str | None]
    base_model: Mapped[str | None]
    parameter_count: Mapped[str | None]
    description: Mapped[str | None]
    tags: Mapped[list[str]]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    requires_gpu: Mapped[bool]
    server_type: Mapped[str | None]
    source: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]


class Version(Base):
    __tablename__ = "versions"

    id: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    version: Mapped[str]


class ModelWithVersions(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    storage_path: str
    repository: str | None
    company: str | None
    base_model: str | None
    parameter_count: str | None
    description: str | None
    tags: list[str]
    metadata: dict[str, Any]
    requires_gpu: bool
    server_type: str | None
    source: str
    created_at: datetime
    updated_at: datetime
    version_count: int


class Page(BaseModel):
    items: list[ModelWithVersions]
    total: int
    page: int
    size: int
    pages: int


def connect(path: str) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=16))


app = FastAPI()
sessions = connect(os.environ.get("REGISTRY_DATABASE", "registry.sqlite"))


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.get("/api/v1/models", response_model=Page)
async def models(page: int = Query(1, ge=1), size: int = Query(10, ge=1, le=100), x_api_key: str = Header()) -> Page:
    if x_api_key != KEY:
        raise HTTPException(401, "Invalid API key")
    async with sessions() as session:
        total = await session.scalar(select(func.count()).select_from(Model)) or 0
        rows = await session.execute(
            select(Model, func.count(Version.id))
            .outerjoin(Version, Version.model_id == Model.id)
            .group_by(Model.id)
            .order_by(Model.created_at.desc(), Model.id)
            .offset((page - 1) * size)
            .limit(size)
        )
        items = [
            ModelWithVersions(
                **{column.key: getattr(model, column.key) for column in Model.__mapper__.column_attrs if column.key != "metadata_"},
                metadata=model.metadata_,
                version_count=count,
            )
            for model, count in rows
        ]
    return Page(items=items, total=total, page=page, size=size, pages=math.ceil(total / size))


async def fill(path: str, models: int, versions: int) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    async with AsyncSession(engine) as session:
        ids = [str(uuid.uuid4()) for _ in range(models)]
        for number, id in enumerate(ids):
            moment = start + timedelta(seconds=number)
            session.add(
                Model(
                    id=id, name=f"model-{number}", storage_path=f"models/{number}", description="A model of the list measure",
                    tags=["chat", "small"], metadata_={"license": "apache-2.0"}, requires_gpu=False, server_type="llama-cpp",
                    source="manual", created_at=moment, updated_at=moment,
                )
            )
        for number in range(versions):
            session.add(Version(id=str(uuid.uuid4()), model_id=ids[number % models], version=f"1.{number // models}"))
        await session.commit()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
