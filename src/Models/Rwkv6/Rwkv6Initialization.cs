using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The starting values of RWKV-6's own training code, without which mixing and memory learn slowly or not at all.
/// </summary>
internal static class Rwkv6Initialization
{
    /// <summary>Gives all weights of a model their starting values.</summary>
    public static void Apply(Rwkv6 model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        model.Emb.Weight.uniform_(-1e-4, 1e-4);
        foreach (var (index, block) in model.Blocks.Index())
        {
            var depth = model.Blocks.Count > 1 ? (double)index / (model.Blocks.Count - 1) : 0; // from 0 to 1
            Apply(block.Att, depth, 1 - ((double)index / model.Blocks.Count));
            Apply(block.Ffn, 1 - ((double)index / model.Blocks.Count));
            block.Att.LnX.Weight.fill_(Math.Pow((1.0 + index) / model.Blocks.Count, 0.7));
        }
    }

    private static void Apply(Rwkv6TimeMix mix, double depth, double left)
    {
        var width = mix.TimeMaaX.numel();
        var channel = arange(width, dtype: float32) / width;
        foreach (var (mixing, value) in new (Tensor, Tensor)[]
        {
            (mix.TimeMaaX, 1 - channel.pow(left)),
            (mix.TimeMaaW, 1 - channel.pow(left)),
            (mix.TimeMaaK, 1 - channel.pow(left)),
            (mix.TimeMaaV, 1 - (channel.pow(left) + (0.3 * depth))),
            (mix.TimeMaaR, 1 - channel.pow(0.5 * left)),
            (mix.TimeMaaG, 1 - channel.pow(0.5 * left)),
        })
        {
            mixing.copy_(value.view(1, 1, -1));
        }

        mix.MixDown.zero_();
        mix.MixUp.uniform_(-0.01, 0.01);
        mix.DecayDown.zero_();
        mix.DecayUp.uniform_(-0.01, 0.01);

        // Slow channels first; deeper blocks forget faster.
        var place = arange(width, dtype: float32) / (width - 1);
        mix.TimeDecay.copy_(((5 * place.pow(0.7 + (1.3 * depth))) - 6).view(1, 1, -1));
        var zigzag = ((arange(width, dtype: float32) + 1).remainder(3) - 1) * 0.1;
        mix.Bonus.copy_(((depth * (1 - place)) + zigzag).view(mix.Bonus.shape));
        mix.Output.Weight.zero_();
    }

    private static void Apply(Rwkv6ChannelMix mix, double left)
    {
        var channel = arange(mix.TimeMaaK.numel(), dtype: float32) / mix.TimeMaaK.numel();
        mix.TimeMaaK.copy_((1 - channel.pow(left)).view(1, 1, -1));
        mix.TimeMaaR.copy_((1 - channel.pow(left)).view(1, 1, -1));
        mix.Value.Weight.zero_();
    }
}
