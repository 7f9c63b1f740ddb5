"""How a run minimizes an objective that TRL has no loss for: the objective's loss stands where TRL looks for log p.

TRL's trainer sums -log p over the trained tokens that it finds in the model's output, and divides by the tokens of the
whole step. A hook of the model puts the objective's losses, negative, in their place; all else, such as the division,
micro-batches, the metrics that are logged, stays TRL's. Its own way in, `compute_loss_func`, is deprecated, and
computes all logits in a second forward pass.
"""

from typing import Any

from qup.objectives import Objective


def minimize(objective: Objective, model: Any) -> None:
    """Have a trainer whose loss is `nll` minimize `objective` on its `model`; one that TRL has itself needs nothing."""
    import torch
    from trl.trainer.utils import FusedCausalLMOutput

    if objective.ready is not None:
        return

    def put(module: Any, _: Any, output: Any) -> Any:
        # What is scored on the way, as held-out traces are, is no training.
        if module.training and isinstance(output, FusedCausalLMOutput):
            losses = objective.losses(output.log_probs, output.entropy.detach())
            output.log_probs = -torch.where(output.label_mask, losses, 0.0)
        return output

    model.register_forward_hook(put)
