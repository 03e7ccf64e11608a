"""Owns putting a document right: the format's own keys and plain values, and a warning for all that was not so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from media_services.movie.document import MODELS, Scene, Subtitles, Text
from media_services.movie.report import Report, brief, escape
from media_services.movie.resolving import Items
from media_services.movie.settings import Settings
from media_services.movie.spelling import chosen, plain_key, spelt_key
from media_services.movie.values import Loose
from media_services.subtitles.given import is_inline

_IN_SETTINGS: set[type[BaseModel]] = {Text, Subtitles}


@dataclass
class Tidier:
    """One tidying: what was odd, and where what it moved stood (`stood`: pointers of then by pointers of now)."""

    report: Report
    allow_files: bool
    stood: dict[str, str] = field(default_factory=dict)

    def tidy(self, raw: Any, model: type[BaseModel], pointer: str) -> Any:
        """Return an object with the format's own keys and plain values."""
        if not isinstance(raw, dict):
            return raw
        fields = fields_of(model)
        nested: dict[str, Any] = {}
        if model in _IN_SETTINGS:
            raw, nested = self.styling(raw, model, pointer)
        tidied: dict[str, Any] = {}
        for key, name in self.named(raw, model, pointer):
            path = f"{pointer}/{escape(key)}"
            if key != name:
                self.stood[f"{pointer}/{name}"] = path
            tidied[name] = self.tidy_value(raw[key], name, fields[name], path)
        if nested and isinstance(tidied.setdefault("settings", {}), dict):
            tidied["settings"] |= nested
        return tidied

    def named(self, raw: dict[str, Any], model: type[BaseModel], pointer: str) -> Iterator[tuple[str, str]]:
        """Yield each key that counts with the format's name of it; what is twice or unknown is reported."""
        fields = fields_of(model)
        spelt: dict[str, list[str]] = {}
        for key, value in raw.items():
            if value is not None:
                name = plain_key(key)
                spelt.setdefault(name if name in fields else key, []).append(key)
        for name, keys in spelt.items():
            if name not in fields:
                message = f"{brief(name)} is not a key here" + self.report.guess(plain_key(name), fields)
                self.report.warn(f"{pointer}/{escape(name)}", "unknown-key", message)
                continue
            counts = chosen(keys, name) or name
            for key in keys:
                path, odd = f"{pointer}/{escape(key)}", f"{brief(key)} was read as {name!r}"
                if key != counts:
                    self.report.warn(path, "alias", f"{odd} and ignored, for {brief(counts)} stands here too")
                elif key != name:
                    self.report.warn(path, "alias", odd)
            yield counts, name

    def styling(
        self, raw: dict[str, Any], model: type[BaseModel], pointer: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part an element from the styling at its top level that belongs into its settings."""
        fields, about = fields_of(model), fields_of(model)["settings"]
        inner = fields_of(settings_model(about) or Settings)
        moved = {key: raw[key] for key in raw if (name := plain_key(key)) not in fields and name in inner}
        place = spelt_key(raw, "settings") or "settings"
        stated = raw.get(place)
        within = (
            {plain_key(key) for key, value in stated.items() if value is not None} if isinstance(stated, dict) else ()
        )
        nested: dict[str, Any] = {}
        for key, name in self.named(moved, settings_model(about) or Settings, pointer):
            path = f"{pointer}/{escape(key)}"
            if name in within:
                self.report.warn(path, "misplaced", f"{name!r} stands in 'settings' too, and was ignored here")
                continue
            self.report.warn(path, "misplaced", f"{name!r} belongs into 'settings', and was read as if it stood there")
            self.stood[f"{pointer}/{escape(place)}/{name}"] = path
            nested[name] = self.tidy_value(raw[key], name, inner[name], path)
        return {key: value for key, value in raw.items() if key not in moved}, nested

    def tidy_value(self, value: Any, name: str, about: FieldInfo, path: str) -> Any:
        if isinstance(value, Items):
            items = zip(value, value.pointers, strict=True)
            return Items([(self.tidy_item(item, name, pointer), pointer) for item, pointer in items])
        model = settings_model(about)
        if model is not None:
            return self.tidy_settings(value, model, path)
        for loose in _looseness(about):
            plain = loose.convert(value)
            if plain != value or type(plain) is not type(value):
                self.report.warn(path, "loose-value", f"{brief(value)} was read as {brief(plain)}")
            value = plain
        if isinstance(value, str) and (name in {"src", "font-url"} or (name == "captions" and not is_inline(value))):
            self.check_source(value, path)
        return value

    def tidy_settings(self, value: Any, model: type[Settings], path: str) -> Any:
        """Tidy nested settings; a plain value in their place is read as their one key that matters."""
        single = model.single
        if single is None or isinstance(value, bool) or not isinstance(value, str | int | float):
            return self.tidy(value, model, path)
        self.report.warn(path, "loose-value", f"{brief(value)} was read as {{{single!r}: {brief(value)}}}")
        self.stood[f"{path}/{single}"] = path
        return {single: self.tidy_value(value, single, fields_of(model)[single], path)}

    def tidy_item(self, item: Any, name: str, path: str) -> Any:
        if name == "scenes":
            return self.tidy(item, Scene, path)
        kind = item.get("type") if isinstance(item, dict) else None
        model = MODELS.get(kind) if isinstance(kind, str) else None
        return item if model is None else self.tidy(item, model, path)

    def check_source(self, src: str, path: str) -> None:
        if src.strip() and not self.allow_files and not re.match(r"\s*(https?://|asset:)", src, re.IGNORECASE):
            self.report.error(path, "invalid-value", f"{brief(src)} is neither an http(s) URL nor asset:<id>")


@cache
def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields under the format's names."""
    return {about.alias or name: about for name, about in model.model_fields.items()}


def settings_model(about: FieldInfo) -> type[Settings] | None:
    """Return the model of a field that holds nested settings, also of an optional one."""
    for part in (about.annotation, *get_args(about.annotation)):
        if isinstance(part, type) and issubclass(part, Settings):
            return part
    return None


def _looseness(about: FieldInfo) -> Iterator[Loose]:
    """Yield a field's Loose marks, also those of an optional field, which stand inside its union."""
    marks = [
        *about.metadata,
        *(mark for part in get_args(about.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return (mark for mark in marks if isinstance(mark, Loose))
