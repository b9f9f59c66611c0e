"""The contract suites on both databases."""

from tests.contracts.audit import AuditContract
from tests.contracts.books import BooksContract
from tests.contracts.jobs import JobsContract
from tests.contracts.library import LibraryContract
from tests.contracts.revocations import RevocationsContract, RevokedContract
from tests.contracts.sessions import SessionsContract
from tests.contracts.uses import UsesContract


class TestBooks(BooksContract):
    pass


class TestJobs(JobsContract):
    pass


class TestSessions(SessionsContract):
    pass


class TestLibrary(LibraryContract):
    pass


class TestUses(UsesContract):
    pass


class TestAudit(AuditContract):
    pass


class TestRevocations(RevocationsContract, RevokedContract):
    pass
