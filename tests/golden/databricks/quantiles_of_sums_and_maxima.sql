-- quantiles of sums and maxima
SELECT
  `t3`.`candidate_no`,
  `t3`.`value`
FROM (
  SELECT DISTINCT
    *
  FROM (
    SELECT
      `t1`.`candidate_no`,
      `t1`.`value`,
      ROW_NUMBER() OVER (PARTITION BY `t1`.`candidate_no` ORDER BY `t1`.`value` ASC NULLS LAST) - 1 AS `position`,
      COUNT(`t1`.`value`) OVER (
        PARTITION BY `t1`.`candidate_no`
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) AS `total`
    FROM (
      SELECT
        `t0`.`candidate_no`,
        `t0`.`value_14` AS `value`
      FROM `temp`.`main`.`candidate_values` AS `t0`
      WHERE
        `t0`.`candidate_no` IN (13) AND `t0`.`value_14` > 0
    ) AS `t1`
  ) AS `t2`
  WHERE
    (
      `t2`.`position` = CAST(FLOOR(`t2`.`total` * 0.25) AS BIGINT)
    )
    OR (
      `t2`.`position` = CAST(FLOOR(`t2`.`total` * 0.5) AS BIGINT)
    )
    OR (
      `t2`.`position` = CAST(FLOOR(`t2`.`total` * 0.75) AS BIGINT)
    )
    OR (
      `t2`.`position` = CAST(FLOOR(`t2`.`total` * 0.9) AS BIGINT)
    )
) AS `t3`
ORDER BY
  `t3`.`candidate_no` ASC NULLS LAST,
  `t3`.`value` ASC NULLS LAST
