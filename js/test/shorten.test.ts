import fc from "fast-check";
import { expect, test } from "vitest";
import { shorten, shortener } from "../src/widget/shorten";

const RESNET = ["layer1", "layer2"].flatMap((layer) =>
  [0, 1].flatMap((block) =>
    ["conv1", "bn1", "conv2", "bn2"].flatMap((part) =>
      ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map(
        (leaf) => `student_model.${layer}[${block}].${part}.${leaf}`,
      ),
    ),
  ),
);

test("a name that fits is not shortened", () => {
  expect(shorten("running_mean", 12)).toBe("running_mean");
});

test("a long name is shortened in the middle", () => {
  expect(shorten("training_batch.running_mean", 18)).toBe("train…running_mean");
});

test("names of a model that differ in the middle are told apart", () => {
  for (const letters of [12, 16, 24, 32]) {
    expect(new Set(RESNET.map(shortener(RESNET, letters))).size).toBe(RESNET.length);
  }
});

test("a letter of two code units is not cut in two", () => {
  expect(shorten("🤯🤯🤯🤯🤯🤯", 4)).toBe("🤯…🤯🤯");
});

test("different names are shown differently, and none is longer than its room", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", ".", "0", "🤯"), maxLength: 40 });
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 60 }), fc.integer({ min: 8, max: 30 }), (names, letters) => {
      const shown = names.map(shortener(names, letters));
      expect(new Set(shown).size).toBe(names.length);
      for (const text of shown) {
        expect([...text].length).toBeLessThanOrEqual(letters);
      }
    }),
  );
});
