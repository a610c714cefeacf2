// Signatures of webhooks: the scheme's own example, and secrets that are none.

import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { signWebhook } from "../../../src/lib/sign-webhook.ts";

const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: '{"test": 2432232314}' };

test("signs as the scheme's published example does", async () => {
  const signed = await signWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", message);
  expect(signed).toEqual({
    ok: true,
    value: {
      "webhook-id": message.id,
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
  });
});

test("takes the secret without its prefix too, and every byte of it", async () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index * 8);
  const signed = await signWebhook(Buffer.from(key).toString("base64"), message);
  const expected = createHmac("sha256", key)
    .update(`${message.id}.${message.timestamp}.${message.body}`)
    .digest("base64");
  expect(signed.ok ? signed.value["webhook-signature"] : "").toBe(`v1,${expected}`);
});

test.each(["", "whsec_", "not base64!", "c2hvcnQ="])("refuses the secret %j", async (secret) => {
  expect(await signWebhook(secret, message)).toMatchObject({ ok: false });
});
