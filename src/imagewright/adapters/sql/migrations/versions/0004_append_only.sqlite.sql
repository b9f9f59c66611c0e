CREATE TRIGGER seals_keep_rows BEFORE UPDATE ON seals
BEGIN SELECT RAISE(ABORT, 'the seals are append-only'); END

CREATE TRIGGER seals_lose_no_rows BEFORE DELETE ON seals
BEGIN SELECT RAISE(ABORT, 'the seals are append-only'); END
