import { randomUUID } from "node:crypto";
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { RateLimiterDynamo } from "rate-limiter-flexible";
import type { Rate } from "../config.ts";
import type { Limiter, Store } from "../store.ts";
import { FlexibleLimiter } from "./flexible-limiter.ts";
import { hashed } from "./hashed.ts";
import { memoryLimiter } from "./memory.ts";
import type { StoreTrouble } from "./trouble.ts";

/**
 * A DynamoDB table with the partition key `key` (a string), and `expire` as its time to live. DynamoDB
 * may delete days later, so what has expired counts as gone.
 */
export class DynamoStore implements Store {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #trouble: StoreTrouble;

  constructor({ table, region }: { table: string; region: string }, trouble: StoreTrouble) {
    this.#client = new DynamoDBClient({ region, maxAttempts: 2 });
    this.#table = table;
    this.#trouble = trouble;
  }

  limiter(name: string, rate: Rate): Limiter {
    const inner = new RateLimiterDynamo({
      storeClient: { updateItem: (input: UpdateItemCommandInput) => this.#update(input) },
      tableName: this.#table,
      tableCreated: true,
      ttlSet: true,
      keyPrefix: "",
      points: rate.points,
      duration: rate.seconds,
    });
    return new FlexibleLimiter(name, inner, {
      limiter: memoryLimiter(name, rate),
      store: "dynamodb",
      trouble: this.#trouble,
    });
  }

  async claim(key: string, ttlSeconds: number): Promise<boolean> {
    const now = Math.floor(Date.now() / 1000);
    const holder = { S: randomUUID() };
    const command = new PutItemCommand({
      TableName: this.#table,
      Item: { ...nameOf(key), expire: { N: String(now + ttlSeconds) }, holder },
      // The SDK may send this twice: whose first answer was lost holds the claim all the same.
      ConditionExpression: "attribute_not_exists(#key) OR #expire <= :now OR #holder = :holder",
      ExpressionAttributeNames: { "#key": "key", "#expire": "expire", "#holder": "holder" },
      ExpressionAttributeValues: { ":now": { N: String(now) }, ":holder": holder },
    });
    return this.#answer(
      this.#client.send(command, inTime()).then(
        () => true,
        (error: Error) => {
          if (error.name === "ConditionalCheckFailedException") return false;
          throw error;
        },
      ),
    );
  }

  async release(key: string): Promise<void> {
    const command = new DeleteItemCommand({ TableName: this.#table, Key: nameOf(key) });
    await this.#answer(this.#client.send(command, inTime())).catch(() => undefined);
  }

  async check(): Promise<void> {
    const command = new GetItemCommand({ TableName: this.#table, Key: nameOf("check") });
    await this.#answer(this.#client.send(command, inTime()));
  }

  renewConnections(): void {
    // What the SDK calls so ends the sockets; the client opens new ones.
    this.#client.destroy();
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async #answer<T>(asking: Promise<T>): Promise<T> {
    try {
      const answer = await asking;
      this.#trouble.over("dynamodb");
      return answer;
    } catch (error) {
      throw this.#trouble.refusal("dynamodb", error);
    }
  }

  /** The library's expiry has fractions; a time to live is whole seconds. */
  async #update(input: UpdateItemCommandInput): Promise<unknown> {
    const values = { ...input.ExpressionAttributeValues };
    const expire = values[":new_expire"]?.N;
    if (expire !== undefined) values[":new_expire"] = { N: String(Math.ceil(Number(expire))) };
    const command = new UpdateItemCommand({ ...input, ExpressionAttributeValues: values });
    const answer = await this.#client.send(command, inTime());
    this.#trouble.over("dynamodb");
    return answer;
  }
}

/** A request must not wait for a store that is gone. */
function inTime(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(2_000) };
}

function nameOf(key: string): { key: { S: string } } {
  return { key: { S: hashed("once", key) } };
}
