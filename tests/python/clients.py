"""Two SDKs behind one face: requests as keyword arguments, answers as plain dictionaries."""

import openai
import openrouter
from openrouter import errors

PATIENCE = 30


class Refused(Exception):
    """An error before the answer began."""

    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class BrokenStream(Exception):
    """An error in the midst of a stream."""


class OpenAiClient:
    """OpenAI's SDK."""

    def __init__(self, base_url, key):
        self.sdk = openai.OpenAI(
            base_url=base_url, api_key=key, max_retries=0, timeout=PATIENCE
        )

    def close(self):
        self.sdk.close()

    def chat(self, **request):
        """A whole answer."""
        try:
            return self.sdk.chat.completions.create(**self._known(request)).model_dump()
        except openai.APIStatusError as error:
            raise Refused(error.status_code, error.message) from error

    def stream(self, **request):
        """The chunks of a stream, one by one."""
        try:
            stream = self.sdk.chat.completions.create(stream=True, **self._known(request))
        except openai.APIStatusError as error:
            raise Refused(error.status_code, error.message) from error
        with stream:
            try:
                for chunk in stream:
                    yield chunk.model_dump()
            except openai.APIError as error:
                raise BrokenStream(str(error)) from error

    @staticmethod
    def _known(request):
        """What OpenAI's SDK has no name for goes into `extra_body`."""
        request = dict(request)
        extra = {name: request.pop(name) for name in ("reasoning", "provider") if name in request}
        return {**request, **({"extra_body": extra} if extra else {})}

    def models(self):
        return [model.id for model in self.sdk.models.list()]


class OpenRouterClient:
    """OpenRouter's SDK."""

    def __init__(self, base_url, key):
        self.sdk = openrouter.OpenRouter(
            server_url=base_url, api_key=key, timeout_ms=PATIENCE * 1000, retry_config=None
        )
        self.sdk.__enter__()

    def close(self):
        self.sdk.__exit__(None, None, None)

    def chat(self, **request):
        """A whole answer."""
        try:
            return self.sdk.chat.send(**request).model_dump(by_alias=True)
        except errors.OpenRouterError as error:
            raise Refused(error.status_code, error.message) from error

    def stream(self, **request):
        """The chunks of a stream, one by one."""
        try:
            stream = self.sdk.chat.send(stream=True, **request)
        except errors.OpenRouterError as error:
            raise Refused(error.status_code, error.message) from error
        with stream:
            for chunk in stream:
                if chunk.error is not None:
                    raise BrokenStream(chunk.error.message)
                yield chunk.model_dump(by_alias=True)

    def models(self):
        answer = self.sdk.models.list()
        return [model.id for model in getattr(answer, "result", answer).data]
