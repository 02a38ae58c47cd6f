"""Energies of an autoencoder and their gradients by the input, while its weights stay.

A Langevin chain asks for hundreds of these between two steps of the weights. Written out they
need no graph, and no gradient of a weight is made to be thrown away: of a small network some three
times faster than autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self, final

import torch
from torch import Tensor, nn

from novum.nn.autoencoders import Autoencoder, ToImage, ToRows, mean_square

Function = Callable[[Tensor], Tensor]


class _Layer(NamedTuple):
    """Outputs of inputs, and gradients by the inputs from (those by the outputs, the inputs).

    `backward` may write over what it is given.
    """

    forward: Function
    backward: Callable[[Tensor, Tensor], Tensor]


@final
class FrozenAutoencoder:
    """An `Autoencoder` whose weights stay as they are until it is asked for anew.

    Parameters
    ----------
    encoder, decoder : list of layers
    sphere : bool
    """

    def __init__(self, encoder: list[_Layer], decoder: list[_Layer], sphere: bool) -> None:
        self._encoder, self._decoder, self._sphere = encoder, decoder, sphere

    @classmethod
    def of(cls, model: object) -> Self | None:
        """Of an autoencoder of known layers that minimises squares; None of any other."""
        if not isinstance(model, Autoencoder) or model.distance is not mean_square:
            return None
        parts = [_layers(part) for part in (model.encoder, model.decoder)]
        if parts[0] is None or parts[1] is None:
            return None
        return cls(parts[0], parts[1], model.sphere)

    @torch.no_grad()
    def energy(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Energy of rows (B, d), shape (B,), and its gradient (B, d)."""
        raw, in_encoder = _forward(self._encoder, x)
        latent = nn.functional.normalize(raw, dim=-1) if self._sphere else raw
        rebuilt, in_decoder = _forward(self._decoder, latent)
        residual = rebuilt - x
        share = 2 / x.shape[1]
        back = _backward(self._decoder, in_decoder, residual * share)
        if self._sphere:
            length = raw.norm(dim=-1, keepdim=True).clamp_min_(1e-12)
            along = (back * latent).sum(dim=-1, keepdim=True)
            back = back.addcmul_(latent, along, value=-1).div_(length)
        gradient = _backward(self._encoder, in_encoder, back).sub(residual, alpha=share)
        return residual.square_().mean(dim=-1), gradient

    @torch.no_grad()
    def latent_energy(self, latent: Tensor, low: float | None) -> tuple[Tensor, Tensor]:
        """Energy of decoded points, cut off at `low`, and its gradient by the latent variables."""
        rows, in_decoder = _forward(self._decoder, latent)
        bounded = rows if low is None else rows.clamp_min(low)
        energy, gradient = self.energy(bounded)
        if low is not None:
            gradient.mul_(rows >= low)
        return energy, _backward(self._decoder, in_decoder, gradient)


def _forward(layers: list[_Layer], x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Outputs, and the inputs of every layer."""
    inputs = []
    for layer in layers:
        inputs.append(x)
        x = layer.forward(x)
    return x, inputs


def _backward(layers: list[_Layer], inputs: list[Tensor], gradient: Tensor) -> Tensor:
    for layer, x in zip(reversed(layers), reversed(inputs), strict=True):
        gradient = layer.backward(gradient, x)
    return gradient


def _layers(network: nn.Module) -> list[_Layer] | None:
    if not isinstance(network, nn.Sequential):
        return None
    layers = [_layer(module) for module in network]
    known = [layer for layer in layers if layer is not None]
    return known if len(known) == len(layers) else None


def _layer(module: nn.Module) -> _Layer | None:
    if isinstance(module, nn.Linear) and module.bias is not None:
        weight, bias = module.weight.detach(), module.bias.detach()
        across = weight.t()
        return _Layer(lambda x: torch.addmm(bias, x, across), lambda g, _: g @ weight)
    if isinstance(module, nn.PReLU) and module.num_parameters == 1:
        slope = float(module.weight.detach())
        return _Layer(
            lambda x: nn.functional.leaky_relu(x, slope),
            lambda g, x: torch.ops.aten.leaky_relu_backward.grad_input(
                g, x, slope, False, grad_input=g
            ),
        )
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return _Layer(module.forward, _through_convolution(module))
    if isinstance(module, nn.Flatten | nn.Unflatten | ToImage | ToRows):
        back = _crop if isinstance(module, ToImage) else _fill
        return _Layer(module.forward, back)
    return None


def _through_convolution(
    module: nn.Conv2d | nn.ConvTranspose2d,
) -> Callable[[Tensor, Tensor], Tensor]:
    weight = module.weight.detach()
    settings = (
        module.stride,
        module.padding,
        module.dilation,
        isinstance(module, nn.ConvTranspose2d),
        module.output_padding,
        module.groups,
    )

    def back(gradient: Tensor, x: Tensor) -> Tensor:
        by_input: Tensor = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, *settings, (True, False, False)
        )[0]
        return by_input

    return back


def _crop(gradient: Tensor, x: Tensor) -> Tensor:
    """From images (B, 1, p, p) to rows without their margin."""
    size = int(x.shape[1] ** 0.5 + 0.5)
    return gradient[..., :size, :size].flatten(1)


def _fill(gradient: Tensor, x: Tensor) -> Tensor:
    """In the shape of the inputs: where pixels were cut off there is no gradient."""
    if gradient.numel() == x.numel():
        return gradient.reshape(x.shape)
    size = int(gradient.shape[1] ** 0.5 + 0.5)
    margin = x.shape[-1] - size
    image = gradient.reshape(len(x), 1, size, size)
    return nn.functional.pad(image, (0, margin, 0, margin))
