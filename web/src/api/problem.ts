// Why a request was refused, as the trainer says it (RFC 9457) or as the browser found it.

/** A refusal: what happened, what to change, and a stable code. */
export class ApiProblem extends Error {
  constructor(
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly status = 0,
    readonly requestId: string | null = null,
    /** The field of the request that it is about, such as `steps.0.rate_hz`. */
    readonly field: string | null = null,
  ) {
    super(detail || title);
    this.name = "ApiProblem";
  }

  /** Of an answer that is no success. */
  static of(body: unknown, response: Response): ApiProblem {
    const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const text = (name: string, otherwise: string) => {
      const value = fields[name];
      return typeof value === "string" ? value : otherwise;
    };
    return new ApiProblem(
      text("code", `http-${response.status}`),
      text("title", `The trainer answered ${response.status}`),
      text("detail", ""),
      response.status,
      response.headers.get("x-request-id"),
      text("field", "") || null,
    );
  }

  /** Why a job failed, as its `error` has it. */
  static ofJob(error: unknown): ApiProblem | undefined {
    if (typeof error !== "object" || error === null) return undefined;
    const fields = error as Record<string, unknown>;
    const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
    return new ApiProblem(text("code"), text("title"), text("detail"), 0, null, text("field") || null);
  }

  /** What to change in this field, where the problem is about it. */
  at(field: string): string | undefined {
    return this.field === field ? this.detail : undefined;
  }

  /** Of whatever was thrown. */
  static from(error: unknown): ApiProblem {
    if (error instanceof ApiProblem) return error;
    if (error instanceof TypeError) {
      const detail = "Check that the trainer runs and that this machine reaches it, then try again.";
      return new ApiProblem("unreachable", "The trainer does not answer", detail);
    }
    return new ApiProblem("console", "The console has a fault", String(error));
  }
}
