SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    "t1"."debtor_role" IN ('legal_rep', 'operator')
    AND (
      "t1"."listed_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."removed_date" IS NULL
      )
      OR (
        "t1"."removed_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."debtor_role" = 'shareholder'
    )
    AND (
      "t1"."holding_ratio" >= 300000
    )
    AND (
      "t1"."listed_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."removed_date" IS NULL
      )
      OR (
        "t1"."removed_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a1",
  COUNT(*) FILTER(WHERE
    "t1"."debtor_role" IN ('entity', 'operator')
    AND (
      "t1"."listed_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."removed_date" IS NULL
      )
      OR (
        "t1"."removed_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a2"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."debtor_role",
    "t0"."listed_date",
    "t0"."removed_date",
    "t0"."holding_ratio"
  FROM "dishonest_executed" AS "t0"
  WHERE
    "t0"."known_at" < MAKE_TIMESTAMPTZ(2025, 6, 30, 16, 0, 0.0, 'UTC')
    AND (
      (
        "t0"."superseded_at" IS NULL
      )
      OR (
        "t0"."superseded_at" >= MAKE_TIMESTAMPTZ(2025, 6, 30, 16, 0, 0.0, 'UTC')
      )
    )
    AND "t0"."event_date" <= MAKE_DATE(2025, 6, 30)
    AND "t0"."withdrawn_date" IS NULL
    AND "t0"."repair_date" IS NULL
    AND "t0"."listed_date" <= MAKE_DATE(2025, 6, 30)
    AND (
      (
        "t0"."removed_date" IS NULL
      )
      OR (
        "t0"."removed_date" > MAKE_DATE(2025, 6, 30)
      )
    )
) AS "t1"
GROUP BY
  1
