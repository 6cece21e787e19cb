// Vercel's AI SDK: text, stream and a tool loop by each of its providers, before each model that is named.
import { generateText, streamText, tool, stepCountIs } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false;
const [base, ...names] = process.argv.slice(2);
const apiKey = "none";
const openai = createOpenAI({ baseURL: `${base}/v1`, apiKey });
const makers = {
  responses: openai,
  chat: (name) => openai.chat(name),
  compatible: createOpenAICompatible({ name: "segue", baseURL: `${base}/v1`, apiKey, includeUsage: true }),
  anthropic: createAnthropic({ baseURL: `${base}/v1`, apiKey }),
  google: createGoogleGenerativeAI({ baseURL: `${base}/v1beta`, apiKey }),
};
const weather = tool({
  description: "the weather of a place",
  inputSchema: z.object({ place: z.string() }),
  execute: async () => "sunny-4711",
});
for (const [speaks, make] of Object.entries(makers))
  for (const name of names) {
    const shared = { model: make(name), maxRetries: 0, maxOutputTokens: 2000 };
    const loop = { ...shared, prompt: "use the tool weather", tools: { weather }, stopWhen: stepCountIs(3) };
    const whole = await generateText({ ...shared, prompt: "hello in 12 words" });
    const stream = streamText({ ...shared, prompt: "hello in 12 words" });
    const pieces = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    const looped = await generateText(loop);
    const streamed = streamText(loop);
    const answer = await streamed.text;
    console.log(JSON.stringify({
      speaks, name, words: whole.text.split(" ").length, pieces: pieces.length, same: pieces.join("") === whole.text,
      finish: await stream.finishReason, tokens: (await stream.usage).totalTokens > 0,
      steps: looped.steps.length, heard: looped.text.includes("sunny-4711"),
      steps_streamed: (await streamed.steps).length, heard_streamed: answer.includes("sunny-4711"),
    }));
  }
