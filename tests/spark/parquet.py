"""Tables of Parquet below one address, written and read with Spark. The answers to some questions about them go to a file as JSON.

Usage: parquet.py ANSWERS write,read|write|read ADDRESS
"""

import json
import sys

from pyspark.sql import SparkSession, Window, functions as F

ROWS = 200_000


def sales(spark):
    """Rows of several types, with nulls and nested values; the same in each run."""
    number = F.col("id")
    return spark.range(ROWS, numPartitions=6).select(
        number,
        (number % 5).cast("int").alias("shop"),
        F.when(number % 11 != 0, F.concat(F.lit("größe-"), F.sha2(number.cast("string"), 256))).alias("name"),
        (number * 7 % 10_007 / 100).alias("price"),
        (number * 13 % 100_003).cast("decimal(18,3)").alias("exact"),
        F.date_add(F.lit("2020-01-01").cast("date"), (number % 1000).cast("int")).alias("day"),
        F.array(number % 3, number % 7).alias("list"),
        F.struct((number % 2 == 0).alias("even"), F.hex(number).alias("digits")).alias("nested"),
    )


def write(spark, address):
    table = sales(spark)
    table.write.partitionBy("shop").parquet(f"{address}/sales", mode="overwrite")
    # Once more: what is there is replaced, by renames.
    table.write.partitionBy("shop").parquet(f"{address}/sales", mode="overwrite")
    some = table.where("id < 50000")
    some.write.parquet(f"{address}/grown", mode="overwrite")
    table.where("id >= 50000 AND id < 80000").write.parquet(f"{address}/grown", mode="append")
    names = spark.createDataFrame([(shop, f"shop {shop}") for shop in range(4)], "shop int, label string")
    names.coalesce(1).write.option("compression", "gzip").parquet(f"{address}/shops", mode="overwrite")
    spark.range(0).write.parquet(f"{address}/empty", mode="overwrite")


def read(spark, address):
    table = spark.read.parquet(f"{address}/sales")
    grown = spark.read.parquet(f"{address}/grown")
    shops = spark.read.parquet(f"{address}/shops")
    digest = F.sum(F.xxhash64("id", "shop", "name", "price", "exact", "day", "list", "nested").cast("decimal(38,0)"))
    ranked = F.row_number().over(Window.partitionBy("shop").orderBy(F.desc("price"), "id"))

    def rows(frame):
        return [[str(value) for value in row] for row in frame.collect()]

    return {
        "schema": table.schema.jsonValue(),
        "count": table.count(),
        "digest of all": rows(table.agg(digest)),
        "by shop": rows(table.groupBy("shop").agg(F.count("name"), F.sum("exact"), F.max("price")).orderBy("shop")),
        "pushed down": rows(table.where("shop = 3 AND day > '2022-01-01' AND id < 5000").select("id", "name").orderBy("id")),
        "nested": rows(table.where("nested.even").agg(F.count("*"), F.max("nested.digits"), F.sum(F.col("list")[1]))),
        "joined": rows(table.join(shops, "shop", "left").groupBy("label").agg(F.sum("exact")).orderBy("label")),
        "best": rows(table.withColumn("rank", ranked).where("rank <= 3").select("shop", "id", "price").orderBy("shop", "id")),
        "grown": rows(grown.agg(F.count("*"), digest)),
        "empty": spark.read.parquet(f"{address}/empty").count(),
    }


def main():
    answers, steps, address = sys.argv[1:]
    spark = (
        SparkSession.builder.appName("parquet")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    told = {}
    if "write" in steps:
        write(spark, address)
    if "read" in steps:
        told = read(spark, address)
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(told, file)
    spark.stop()


main()
