SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."verification_required" = 1
    )
    AND (
      "t1"."real_name_verified" = 1
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."verification_required" = 1
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a1",
  COUNT(DISTINCT "t1"."person_key") FILTER(WHERE
    (
      "t1"."role" = 'member'
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )
    AND (
      "t1"."person_key" IS NOT NULL
    )) AS "a2",
  COUNT(DISTINCT "t1"."person_key") FILTER(WHERE
    (
      "t1"."role" = 'member'
    )
    AND (
      "t1"."member_type" = 'farmer'
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )
    AND (
      "t1"."person_key" IS NOT NULL
    )) AS "a3",
  COUNT(DISTINCT "t1"."person_key") FILTER(WHERE
    (
      "t1"."role" = 'member'
    )
    AND (
      "t1"."member_type" IS NOT NULL
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )
    AND (
      "t1"."person_key" IS NOT NULL
    )) AS "a4",
  COUNT(DISTINCT "t1"."person_key") FILTER(WHERE
    (
      "t1"."role" = 'member'
    )
    AND (
      "t1"."member_type" = 'organisation'
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )
    AND (
      "t1"."person_key" IS NOT NULL
    )) AS "a5",
  COUNT(*) FILTER(WHERE
    "t1"."role" IN ('legal_rep', 'operator', 'investor')
    AND (
      DATE_DIFF('DAY', "t1"."restricted_from", MAKE_DATE(2025, 6, 30)) > -1
    )
    AND (
      DATE_DIFF('DAY', "t1"."restricted_to", MAKE_DATE(2025, 6, 30)) < 0
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a6",
  COUNT(*) FILTER(WHERE
    "t1"."role" IN ('legal_rep', 'operator', 'investor')
    AND (
      DATE_DIFF('DAY', "t1"."restricted_from", MAKE_DATE(2025, 6, 30)) > -1
    )
    AND (
      "t1"."restricted_to" IS NULL
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a7"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."verification_required",
    "t0"."real_name_verified",
    "t0"."from_date",
    "t0"."to_date",
    "t0"."role",
    "t0"."person_key",
    "t0"."member_type",
    "t0"."restricted_from",
    "t0"."restricted_to"
  FROM "person_role" AS "t0"
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
    AND "t0"."from_date" <= MAKE_DATE(2025, 6, 30)
    AND (
      (
        "t0"."to_date" IS NULL
      ) OR (
        "t0"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )
) AS "t1"
GROUP BY
  1
