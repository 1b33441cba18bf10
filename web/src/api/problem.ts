// Why a request was refused, as the trainer says it (RFC 9457) or as the browser found it.

/** A refusal: what happened, what to change, and a stable code. */
export class ApiProblem extends Error {
  constructor(
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly status = 0,
    readonly requestId: string | null = null,
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
    );
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
