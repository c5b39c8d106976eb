SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      DATE_DIFF('DAY', "t1"."due_date", MAKE_DATE(2025, 6, 30)) > 0
    )
    AND (
      "t1"."closed_date" IS NULL
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      DATE_DIFF('DAY', "t1"."due_date", MAKE_DATE(2025, 6, 30)) > 0
    )
    AND (
      "t1"."closed_date" <= "t1"."due_date"
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a1",
  COUNT(*) FILTER(WHERE
    (
      DATE_DIFF('DAY', "t1"."due_date", MAKE_DATE(2025, 6, 30)) > 0
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a2"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."due_date",
    "t0"."closed_date"
  FROM "rectification" AS "t0"
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
    AND DATE_DIFF('DAY', "t0"."due_date", MAKE_DATE(2025, 6, 30)) > 0
) AS "t1"
GROUP BY
  1
