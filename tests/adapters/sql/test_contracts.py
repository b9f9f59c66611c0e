"""The contract suites on both databases."""

import pytest

from imagewright.adapters.sql.audit import SqlAudit
from tests.contracts.adjustments import AdjustmentsContract
from tests.contracts.approvals import ApprovalsContract
from tests.contracts.audit import AuditContract
from tests.contracts.batches import BatchesContract
from tests.contracts.books import BooksContract
from tests.contracts.conversations import ConversationsContract
from tests.contracts.docket import DocketContract
from tests.contracts.jobs import JobsContract
from tests.contracts.ledger import LedgerContract
from tests.contracts.library import LibraryContract
from tests.contracts.quotas import QuotaContract
from tests.contracts.reconciliations import ReconciliationsContract
from tests.contracts.reconciliations import Told as Lines
from tests.contracts.revocations import RevocationsContract, RevokedContract
from tests.contracts.sessions import SessionsContract, Told
from tests.contracts.soft_limits import SoftLimitsContract
from tests.contracts.uses import UsesContract
from tests.contracts.vault import VaultContract


class TestBooks(BooksContract):
    pass


class TestAdjustments(AdjustmentsContract):
    pass


class TestSoftLimits(SoftLimitsContract):
    pass


class TestQuotas(QuotaContract):
    pass


class TestBatches(BatchesContract):
    pass


class TestJobs(JobsContract):
    pass


@pytest.fixture
def told(audit: SqlAudit) -> Told:
    async def told() -> list[str]:
        return [f"{each.action} {each.outcome}" for each in await audit.newest(100)]

    return told


class TestApprovals(ApprovalsContract):
    pass


class TestSessions(SessionsContract):
    pass


class TestLibrary(LibraryContract):
    pass


class TestConversations(ConversationsContract):
    pass


class TestUses(UsesContract):
    pass


class TestAudit(AuditContract):
    pass


class TestLedger(LedgerContract):
    pass


class TestDocket(DocketContract):
    pass


class TestReconciliations(ReconciliationsContract):
    @pytest.fixture
    def told(self, audit: SqlAudit) -> Lines:
        return lambda: audit.newest(100)


class TestRevocations(RevocationsContract, RevokedContract):
    pass


class TestVault(VaultContract):
    pass
