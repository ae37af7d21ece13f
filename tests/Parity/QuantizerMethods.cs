using Marrow.CompilerServices;

namespace Marrow.Parity;

/// <summary>Single quantizers.</summary>
internal static class QuantizerMethods
{
    /// <summary>Values, scales and straight-through gradient.</summary>
    public static IEnumerable<Comparison> StatsQ(ReferenceCase file)
    {
        var x = file.Tensor("x").requires_grad_();
        var y = CompilerServices.StatsQ.Quantize(x, file.Integer("bits"));
        yield return file.Compare("y", y);
        yield return file.Compare("scale", CompilerServices.StatsQ.Scale(x));
        y.backward([file.Tensor("gy")]);
        yield return file.Compare("grad.x", x.grad!);
    }

    /// <summary>First step, output with it, output and gradients with another step.</summary>
    public static IEnumerable<Comparison> Lsq(ReferenceCase file)
    {
        var kind = file.Text("kind");
        var perChannel = kind == "LsqQuantizer4head_input" || file.Flag("per_channel");
        var sharing = (kind, perChannel) switch
        {
            ("LsqQuantizerWeight", true) or ("LsqQuantizer4Conv2d", _) => ScaleGranularity.Row,
            ("LsqQuantizer", true) => ScaleGranularity.Position,
            ("LsqQuantizer4v", _) => ScaleGranularity.Channel,
            ("LsqQuantizer4img", _) => ScaleGranularity.ImageChannel,
            _ => ScaleGranularity.Tensor,
        };
        var range = new LevelRange(file.Integer("thd_neg"), file.Integer("thd_pos"));
        var constant = file.Flag("all_positive") && perChannel ? 4 : 2;
        var x = file.Tensor("x");
        var first = CompilerServices.Lsq.InitialStep(x, range, sharing, constant);
        yield return file.Compare("init.s", first);
        yield return file.Compare("init.y", CompilerServices.Lsq.Quantize(x, first, range, sharing));

        var step = file.Tensor("param.s").requires_grad_();
        x = x.requires_grad_();
        var y = CompilerServices.Lsq.Quantize(x, step, range, sharing);
        yield return file.Compare("y", y);
        y.backward([file.Tensor("gy")]);
        yield return file.Compare("grad.x", x.grad!);
        yield return file.Compare("grad.s", step.grad!);
    }
}
