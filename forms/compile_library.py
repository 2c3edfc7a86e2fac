"""What a form's compiler knows of the definitions around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from forms.expr import AggregateType, Library, Type
from forms.model import Options
from forms.signature import FormSignature


class FormLibrary(Library, Protocol):
    """The expression library, and the options and forms there are."""

    def options(self, options_id: str) -> Options | None:
        """The compiled options definition of that id."""

    def form_ids(self) -> Iterable[str]:
        """All forms, for links and for error messages."""

    def options_ids(self) -> Iterable[str]:
        """All options definitions, for error messages."""

    def signature(self, form_id: str) -> FormSignature | None:
        """The signature of a form."""


class StaticLibrary:
    """A `FormLibrary` over plain maps: signatures, compiled options and aggregate types by id."""

    __slots__ = ("_aggregates", "_options", "_signatures")

    def __init__(
        self,
        signatures: Mapping[str, FormSignature] | None = None,
        options: Mapping[str, Options] | None = None,
        aggregates: Mapping[str, AggregateType] | None = None,
    ) -> None:
        self._signatures = signatures or {}
        self._options = options or {}
        self._aggregates = aggregates or {}

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """Field and system names of "order" or "order.lines"; None where there is no such."""
        found = self._signatures.get(target.partition(".")[0])
        return found.fields_of(target) if found else None

    def attributes_of(self, options_id: str) -> Mapping[str, Type] | None:
        """The attributes of an options definition's values."""
        found = self._options.get(options_id)
        return found.attributes if found else None

    def attribute(self, options_id: str, value: str, name: str) -> object:
        """One attribute of one option; None where it has none."""
        found = self._options.get(options_id)
        option = found.values.get(value) if found else None
        return option.attributes.get(name) if option else None

    def aggregate(self, name: str) -> AggregateType | None:
        """The type of an aggregate."""
        return self._aggregates.get(name)

    def aggregate_names(self) -> Iterable[str]:
        """All aggregates."""
        return self._aggregates.keys()

    def options(self, options_id: str) -> Options | None:
        """The compiled options definition of that id."""
        return self._options.get(options_id)

    def options_ids(self) -> Iterable[str]:
        """All options definitions."""
        return self._options.keys()

    def form_ids(self) -> Iterable[str]:
        """All forms."""
        return self._signatures.keys()

    def signature(self, form_id: str) -> FormSignature | None:
        """The signature of a form."""
        return self._signatures.get(form_id)

    def option_values(self, options_id: str) -> tuple[str, ...] | None:
        """The ordered values of an options definition, for `signature`."""
        found = self._options.get(options_id)
        return tuple(found.values) if found else None


class Wrapped:
    """A library that answers as another; what it answers otherwise, a subclass says."""

    __slots__ = ("_library",)

    def __init__(self, library: FormLibrary) -> None:
        self._library = library

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """As the library's."""
        return self._library.fields_of(target)

    def attributes_of(self, options_id: str) -> Mapping[str, Type] | None:
        """As the library's."""
        return self._library.attributes_of(options_id)

    def attribute(self, options_id: str, value: str, name: str) -> object:
        """As the library's."""
        return self._library.attribute(options_id, value, name)

    def aggregate(self, name: str) -> AggregateType | None:
        """As the library's."""
        return self._library.aggregate(name)

    def aggregate_names(self) -> Iterable[str]:
        """As the library's."""
        return self._library.aggregate_names()

    def options(self, options_id: str) -> Options | None:
        """As the library's."""
        return self._library.options(options_id)

    def options_ids(self) -> Iterable[str]:
        """As the library's."""
        return self._library.options_ids()

    def form_ids(self) -> Iterable[str]:
        """As the library's."""
        return self._library.form_ids()

    def signature(self, form_id: str) -> FormSignature | None:
        """As the library's."""
        return self._library.signature(form_id)


class OwnFirst(Wrapped):
    """A library in which one form's names come from its own definition, listed there or not."""

    __slots__ = ("_own",)

    def __init__(self, library: FormLibrary, own: FormSignature) -> None:
        super().__init__(library)
        self._own = own

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """As the library's, the own form first."""
        found = self._own.fields_of(target)
        return found if found is not None else self._library.fields_of(target)

    def signature(self, form_id: str) -> FormSignature | None:
        """As the library's, the own form first."""
        return self._own if form_id == self._own.id else self._library.signature(form_id)
