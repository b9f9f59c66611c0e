"""The contract suites on both databases."""

from tests.contracts.books import BooksContract
from tests.contracts.jobs import JobsContract
from tests.contracts.library import LibraryContract
from tests.contracts.revocations import RevocationsContract, RevokedContract


class TestBooks(BooksContract):
    pass


class TestJobs(JobsContract):
    pass


class TestLibrary(LibraryContract):
    pass


class TestRevocations(RevocationsContract, RevokedContract):
    pass
