"""Where traces come from: one protocol, and what stands for a model and a trace in the application.

A call is (Run, method, arguments) -> small arrays. The model's weights and traces stay behind it, in the queue's thread; a replica
elsewhere could answer the same calls.
"""

from app.engine.protocol import Engine as Engine
from app.engine.protocol import Method as Method
from app.engine.subjects import EngineModel as EngineModel
from app.engine.subjects import EngineTrace as EngineTrace
from app.engine.subjects import queued as queued
