-- Profile of events
SELECT
  COUNTIF((
    `t7`.`at` IS NULL
  ) OR (
    `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
  )) AS `rows`,
  COUNTIF(`t7`.`at` > DATETIME('2024-12-01T00:00:00')) AS `later`,
  FORMAT_DATETIME(
    '%F %T',
    MIN(
      IF(
        (
          `t7`.`at` > DATETIME('2000-01-01T00:00:00')
        )
        AND (
          `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
        ),
        `t7`.`at`,
        NULL
      )
    )
  ) AS `oldest`,
  FORMAT_DATETIME(
    '%F %T',
    MAX(
      IF(
        (
          `t7`.`at` > DATETIME('2000-01-01T00:00:00')
        )
        AND (
          `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
        ),
        `t7`.`at`,
        NULL
      )
    )
  ) AS `newest`,
  COUNTIF(
    (
      `t7`.`at` > DATETIME('2024-11-24T00:00:00')
    )
    AND (
      `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
    )
  ) AS `week_0`,
  COUNTIF(
    (
      `t7`.`at` > DATETIME('2024-11-17T00:00:00')
    )
    AND (
      `t7`.`at` <= DATETIME('2024-11-24T00:00:00')
    )
  ) AS `week_1`,
  COUNTIF(
    (
      `t7`.`at` > DATETIME('2024-11-10T00:00:00')
    )
    AND (
      `t7`.`at` <= DATETIME('2024-11-17T00:00:00')
    )
  ) AS `week_2`,
  COUNTIF(
    (
      `t7`.`at` > DATETIME('2024-11-03T00:00:00')
    )
    AND (
      `t7`.`at` <= DATETIME('2024-11-10T00:00:00')
    )
  ) AS `week_3`,
  COUNTIF(
    (
      `t7`.`at` > DATETIME('2024-10-27T00:00:00')
    )
    AND (
      `t7`.`at` <= DATETIME('2024-11-03T00:00:00')
    )
  ) AS `week_4`,
  COUNTIF(
    (
      (
        `t7`.`at` IS NULL
      ) OR (
        `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
      )
    )
    AND (
      `t7`.`account` IS NULL
    )
  ) AS `missing_account`,
  COUNTIF(
    (
      (
        `t7`.`at` IS NULL
      ) OR (
        `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
      )
    )
    AND (
      `t7`.`at` IS NULL
    )
  ) AS `missing_at`,
  COUNTIF(
    (
      (
        `t7`.`at` IS NULL
      ) OR (
        `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
      )
    )
    AND (
      `t7`.`event` IS NULL
    )
  ) AS `missing_event`,
  COUNTIF(
    (
      (
        `t7`.`at` IS NULL
      ) OR (
        `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
      )
    )
    AND (
      `t7`.`id` IS NULL
    )
  ) AS `missing_id`,
  COUNTIF(
    (
      (
        `t7`.`at` IS NULL
      ) OR (
        `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
      )
    )
    AND (
      (
        `t7`.`account` IS NULL
      )
      OR (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`event` IS NULL
      )
      OR (
        `t7`.`id` IS NULL
      )
    )
  ) AS `nulls`,
  COUNTIF(`t7`.`at` > DATETIME('2024-12-02T00:00:00')) AS `future`,
  COUNTIF(
    (
      `t7`.`at` < DATETIME('2000-01-01T00:00:00')
    )
    OR COALESCE(
      (
        (
          `t7`.`at` IS NULL
        ) OR (
          `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
        )
      )
      AND (
        DATE(`t7`.`at`) < DATE(`t7`.`listed_since`)
      ),
      FALSE
    )
  ) AS `before_start`,
  COUNTIF(
    (
      (
        `t7`.`at` IS NULL
      ) OR (
        `t7`.`at` <= DATETIME('2024-12-01T00:00:00')
      )
    )
    AND (
      `t7`.`account` IS NOT NULL
    )
    AND (
      `t7`.`listed_account` IS NULL
    )
  ) AS `orphan_accounts`
FROM (
  SELECT
    `t4`.`account`,
    `t4`.`at`,
    `t4`.`event`,
    `t4`.`id`,
    `t4`.`colour`,
    `t4`.`size`,
    `t4`.`friend`,
    `t6`.`listed_account`,
    `t6`.`listed_since`
  FROM (
    SELECT
      `t0`.`account`,
      `t0`.`at`,
      `t0`.`event`,
      `t0`.`id`,
      `t0`.`colour`,
      `t0`.`size`,
      `t0`.`friend`
    FROM `source_events` AS `t0`
  ) AS `t4`
  LEFT OUTER JOIN (
    SELECT
      `t3`.`account` AS `listed_account`,
      MIN(`t3`.`signed_up_at`) AS `listed_since`
    FROM (
      SELECT
        `t1`.`account`,
        `t1`.`signed_up_at`,
        `t1`.`plan`
      FROM `source_accounts` AS `t1`
    ) AS `t3`
    GROUP BY
      1
  ) AS `t6`
    ON `t4`.`account` = `t6`.`listed_account`
) AS `t7`
