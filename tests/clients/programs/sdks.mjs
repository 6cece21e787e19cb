// The three vendors' SDKs for Node: text, stream, counting and lists, before each model that is named.
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";

const [base, ...names] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none", maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: base, apiKey: "none", maxRetries: 0 });
const google = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: base } });
const contents = "hello in 12 words";
const messages = [{ role: "user", content: contents }];
const gather = async (list, take) => {
  let all = "";
  for await (const each of await list) all += take(each) ?? "";
  return all;
};
const said = {
  chat: async (model) => (await openai.chat.completions.create({ model, messages })).choices[0].message.content,
  chat_stream: (model) =>
    gather(openai.chat.completions.create({ model, messages, stream: true }), (each) => each.choices[0]?.delta.content),
  responses: async (model) => (await openai.responses.create({ model, input: contents })).output_text,
  responses_stream: (model) =>
    gather(openai.responses.create({ model, input: contents, stream: true }), (each) =>
      each.type === "response.output_text.delta" ? each.delta : ""),
  messages: async (model) => (await anthropic.messages.create({ model, max_tokens: 99, messages })).content.at(-1).text,
  messages_stream: (model) => anthropic.messages.stream({ model, max_tokens: 99, messages }).finalText(),
  gemini: async (model) => (await google.models.generateContent({ model, contents })).text,
  gemini_stream: (model) => gather(google.models.generateContentStream({ model, contents }), (each) => each.text),
};
for (const name of names) {
  const words = {};
  for (const [speaks, ask] of Object.entries(said)) words[speaks] = (await ask(name)).split(" ").length;
  const counts = [
    (await anthropic.messages.countTokens({ model: name, messages })).input_tokens,
    (await google.models.countTokens({ model: name, contents })).totalTokens,
  ];
  const listed = [];
  for (const list of [openai.models.list(), anthropic.models.list(), await google.models.list()]) {
    const ids = [];
    for await (const model of list) ids.push(model.id ?? model.name.replace("models/", ""));
    listed.push(ids.includes(name));
  }
  console.log(JSON.stringify({ name, words, counts, listed }));
}
