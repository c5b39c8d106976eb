SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."in_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."out_date" IS NULL
      ) OR (
        "t1"."out_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    "t1"."reason" IN ('3', '4')
    AND (
      "t1"."in_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."out_date" IS NULL
      ) OR (
        "t1"."out_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a1",
  COUNT(*) FILTER(WHERE
    "t1"."reason" IN ('1', '2')
    AND (
      "t1"."in_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."out_date" IS NULL
      ) OR (
        "t1"."out_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a2",
  MIN(
    CASE
      WHEN (
        "t1"."in_date" <= MAKE_DATE(2025, 6, 30)
      )
      AND (
        (
          "t1"."out_date" IS NULL
        ) OR (
          "t1"."out_date" > MAKE_DATE(2025, 6, 30)
        )
      )
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  COUNT(*) FILTER(WHERE
    "t1"."event_date" > MAKE_DATE(2022, 6, 30)) AS "a4",
  COUNT(*) FILTER(WHERE
    (
      "t1"."reason" = '1'
    ) AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a5",
  COUNT(*) FILTER(WHERE
    (
      "t1"."reason" = '2'
    ) AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a6",
  COUNT(*) FILTER(WHERE
    (
      "t1"."reason" = '3'
    ) AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a7",
  COUNT(*) FILTER(WHERE
    (
      "t1"."reason" = '4'
    ) AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a8",
  COUNT(*) FILTER(WHERE
    "t1"."event_date" > MAKE_DATE(2023, 6, 30)) AS "a9",
  COUNT(*) FILTER(WHERE
    "t1"."event_date" IS NOT NULL) AS "a10",
  COUNT(*) FILTER(WHERE
    (
      DATE_DIFF('DAY', "t1"."in_date", MAKE_DATE(2025, 6, 30)) > 915
    )
    AND (
      "t1"."in_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."out_date" IS NULL
      ) OR (
        "t1"."out_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a11"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."in_date",
    "t0"."out_date",
    "t0"."reason"
  FROM "abnormal_listing" AS "t0"
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
    AND "t0"."event_date" IS NOT NULL
) AS "t1"
GROUP BY
  1
