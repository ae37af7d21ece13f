using Marrow.CompilerServices;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>DoRA, and LoRA with starts that come from the weight or its gradient.</summary>
internal static class LowRankMethods
{
    public static IEnumerable<Comparison> Dora(ReferenceCase file)
    {
        var (input, output, bias, r, alpha) = Options(file);
        using OneLinear model = file.Flag("use_rslora")
            ? new RankStabilizedDoraCase(input, output, bias, r, alpha)
            : new DoraCase(input, output, bias, r, alpha);
        using (no_grad())
        {
            ((AdaptedLinear)model.Layer).Weight.copy_(file.Tensor("weight"));
        }

        model.StartAdapters();
        yield return file.Compare("init.magnitude", model.AdapterParameters()[2]);
        foreach (var comparison in Methods.OneLayer(file, model, "A", "B", "magnitude"))
        {
            yield return comparison;
        }
    }

    /// <summary>PiSSA and OLoRA: pairs of a row of A and a column of B may differ in sign.</summary>
    public static IEnumerable<Comparison> FromWeight(ReferenceCase file)
    {
        var (input, output, bias, r, alpha) = Options(file);
        using OneLinear model =
            (file.Fixture.StartsWith("pissa", StringComparison.Ordinal), file.Flag("use_rslora")) switch
            {
                (true, false) => new PissaCase(input, output, bias, r, alpha),
                (true, true) => new RankStabilizedPissaCase(input, output, bias, r, alpha),
                (false, false) => new OloraCase(input, output, bias, r, alpha),
                (false, true) => new RankStabilizedOloraCase(input, output, bias, r, alpha),
            };
        var layer = (AdaptedLinear)model.Layer;
        using (no_grad())
        {
            layer.Weight.copy_(file.Tensor("weight"));
        }

        model.StartAdapters();
        var (a, b) = (model.AdapterParameters()[0].detach().clone(), model.AdapterParameters()[1].detach().clone());
        yield return file.Compare("init.BA", b.mm(a));
        yield return file.Compare("weight_res", layer.Weight.detach().clone());
        yield return file.Compare("init.AAt", a.mm(a.t()));
        yield return file.Compare("init.BtB", b.t().mm(b));
        foreach (var comparison in Recorded(file, model))
        {
            yield return comparison;
        }
    }

    /// <summary>
    /// LoRA-GA: every row of A and every column of B may have another sign, so both are turned like the stored ones.
    /// </summary>
    public static IEnumerable<Comparison> LoraGa(ReferenceCase file)
    {
        var (input, output, bias, r, alpha) = Options(file);
        using OneLinear model = file.Flag("use_rslora")
            ? new RankStabilizedLoraGaCase(input, output, bias, r, alpha)
            : new LoraGaCase(input, output, bias, r, alpha);
        var layer = (AdaptedLinear)model.Layer;
        using (no_grad())
        {
            layer.Weight.copy_(file.Tensor("weight"));
            layer.Bias?.zero_();
        }

        // The loss Σ G ∘ W, as the layer's output for the unit vectors shows it, has the gradient G.
        var gradient = file.Tensor("init_grad");
        model.StartLoraGa(1, _ => (model.call(eye(input)) * gradient.t()).sum(), new LoraGaOptions(
            file.Text("variant") == "original" ? LoraGaVariant.Original : LoraGaVariant.Peft,
            Enum.Parse<LoraGaDirection>(file.Text("direction")),
            file.Text("scale") switch
            {
                "stable" => LoraGaScale.Stable,
                "gd" or "gd_scale" => LoraGaScale.GradientDescent,
                "weight_svd" or "weightS" => LoraGaScale.WeightSvd,
                _ => LoraGaScale.Unit,
            },
            file.Number("stable_gamma")));
        var (a, b) = (model.AdapterParameters()[0].detach().clone(), model.AdapterParameters()[1].detach().clone());
        yield return file.Compare("init.AtA", a.t().mm(a));
        yield return file.Compare("init.BBt", b.mm(b.t()));
        var signsOfA = (a * file.Tensor("init.A")).sum([1]).sign().unsqueeze(1);
        var signsOfB = (b * file.Tensor("init.B")).sum([0]).sign();
        yield return file.Compare("init.A", a * signsOfA);
        yield return file.Compare("init.B", b * signsOfB);

        // W, put together again from what is frozen and what was taken out, then taken apart with the stored signs.
        var scale = file.Number("scaling");
        var whole = layer.Weight + (scale * b.mm(a));
        yield return file.Compare("weight", whole);
        yield return file.Compare("weight_res", whole - (scale * (b * signsOfB).mm(a * signsOfA)));
        foreach (var comparison in Recorded(file, model))
        {
            yield return comparison;
        }
    }

    /// <summary>The recorded pass: the plain LoRA forward on the residual weight.</summary>
    private static IEnumerable<Comparison> Recorded(ReferenceCase file, OneLinear model)
    {
        var layer = (AdaptedLinear)model.Layer;
        using (no_grad())
        {
            layer.Weight.copy_(file.Tensor("weight_res"));
            layer.Bias?.copy_(file.Tensor("bias"));
            model.AdapterParameters()[0].copy_(file.Tensor("param.A"));
            model.AdapterParameters()[1].copy_(file.Tensor("param.B"));
        }

        return Methods.Pass(file, model, "A", "B");
    }

    private static (int In, int Out, bool Bias, int Rank, double Alpha) Options(ReferenceCase file) =>
        (file.Integer("in"), file.Integer("out"), file.Has("bias"), file.Integer("r"), file.Number("alpha"));
}
