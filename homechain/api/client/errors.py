"""What can go wrong between a client and its hubs, split by blame."""

from homechain.api.schema.problems import Problem


class ClientError(Exception):
    """A request got no good answer."""


class HubProblem(ClientError):
    """A hub answered, and refused. Sending the same again elsewhere will not help."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable word, to compare with `ProblemCode`."""
        return self.problem.code

    @property
    def type(self) -> str:
        """`urn:homechain:problem:<code>`."""
        return self.problem.type

    @property
    def title(self) -> str:
        """A short name of the problem."""
        return self.problem.title

    @property
    def detail(self) -> str:
        """A sentence that says what to do."""
        return self.problem.detail

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status


class HubUnreachable(ClientError):
    """No hub answered. For a record: it may have arrived; sending the same bytes again is safe."""


class UnexpectedAnswer(ClientError):
    """A hub answered something that this client cannot read."""
