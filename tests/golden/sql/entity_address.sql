SELECT
  "t1"."entity",
  MAX(
    CASE
      WHEN (
        "t1"."role" = 'domicile'
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
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."address_type"
          WHEN 'owned'
          THEN 0
          WHEN 'leased'
          THEN 1
          WHEN 'park'
          THEN 2
          WHEN 'market'
          THEN 3
          WHEN 'residential'
          THEN 4
          WHEN 'cluster'
          THEN 5
          WHEN 'secretary'
          THEN 6
          WHEN 'online'
          THEN 7
          WHEN 'other'
          THEN 8
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."role" = 'domicile'
    )
    AND "t1"."address_type" IN ('cluster', 'secretary')
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
  COUNT(*) FILTER(WHERE
    (
      "t1"."address_type" = 'residential'
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
    )) AS "a2",
  COUNT(*) FILTER(WHERE
    (
      "t1"."differs" = 1
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
    )) AS "a3"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."role",
    "t0"."from_date",
    "t0"."to_date",
    "t0"."address_type",
    "t0"."differs"
  FROM "entity_address" AS "t0"
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
