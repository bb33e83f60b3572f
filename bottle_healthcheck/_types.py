"""Types of what users hand in and get back; type checkers alone import this module."""
MYPY = False
if MYPY:
    from typing import (AbstractSet, Any, Callable, Dict, Iterable, List, Mapping, Optional,
                        Protocol, Text, Tuple, TypeVar, Union)

    from typing_extensions import NotRequired, TypedDict

    class NotGiven(object):
        """The type of an argument that is left out."""

    class HasTruth(Protocol):
        """What has a truth of its own, as booleans and numbers do and texts do not."""

        def __bool__(self):
            # type: () -> bool
            pass

    class App(Protocol):
        """A bottle.Bottle; Bottle has no types, and a text instead of an app is to be seen."""

        @property
        def route(self):
            # type: () -> Callable[..., Any]
            pass

    class Engine(Protocol):
        """An engine of SQLAlchemy."""

        def raw_connection(self):
            # type: () -> Any
            pass

    class RedisClient(Protocol):
        """A client of redis-py."""

        @property
        def ping(self):
            # type: () -> Callable[..., Any]
            pass

        @property
        def info(self):
            # type: () -> Callable[..., Any]
            pass

    #: A result, as reports and handlers have them.
    Result = TypedDict("Result", {
        "checker": str, "output": Any, "passed": bool, "timestamp": float, "expires": float,
        "response_time": float, "since": float, "critical": NotRequired[bool]})

    #: A run of a check that is over: (passed, seconds).
    PastRun = Tuple[bool, float]

    Passed = Optional[HasTruth]
    Check = Callable[[], Tuple[Passed, Any]]
    ExceptionHandler = Callable[[Any, Any], Tuple[Passed, Any]]

    #: What a decorator is given, and returns as it was.
    CheckT = TypeVar("CheckT", bound=Check)
    SectionT = TypeVar("SectionT", bound=Callable[[], object])

    #: Some texts. A text alone is iterable as well, and is none of these: it is to be seen.
    Texts = Union[List[Text], Tuple[Text, ...], AbstractSet[Text]]

    Headers = Union[Mapping[Text, Any], Iterable[Tuple[Text, Any]]]
    Handler = Callable[[List[Any]], Union[Text, bytes, Dict[Any, Any]]]
