import { expect, it, vi } from "vitest";
import { Patience } from "../../src/lab/patience";

type Kernel = Parameters<Patience["isBusy"]>[0];
type Status = Kernel["status"];

function kernel(status: Status): Omit<Kernel, "status"> & { status: Status } {
  return { status } as unknown as Omit<Kernel, "status"> & { status: Status };
}

it("says nothing of a kernel that is busy for a moment, and tells when it is busy for longer", () => {
  vi.useFakeTimers();
  const tell = vi.fn();
  const patience = new Patience(tell);
  const one = kernel("idle");
  patience.isBusy(one);

  one.status = "busy";
  expect(patience.isBusy(one)).toBe(false);
  vi.advanceTimersByTime(500);

  expect(tell).toHaveBeenCalledTimes(1);
  expect(patience.isBusy(one)).toBe(true);
  vi.useRealTimers();
});

it("begins anew with every cell", () => {
  vi.useFakeTimers();
  const tell = vi.fn();
  const patience = new Patience(tell);
  const one = kernel("idle");
  for (const status of ["idle", "busy", "idle", "busy"] as const) {
    one.status = status;
    patience.isBusy(one);
    vi.advanceTimersByTime(300);
  }

  expect(tell).not.toHaveBeenCalled();
  expect(patience.isBusy(one)).toBe(false);
  vi.useRealTimers();
});

it("takes a kernel that was never idle for one that is busy", () => {
  expect(new Patience(() => {}).isBusy(kernel("busy"))).toBe(true);
});
