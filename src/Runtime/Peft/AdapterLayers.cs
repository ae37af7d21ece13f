using Marrow.Adapters;
using Marrow.Adapters.Peft;
using Marrow.Layers;
using Marrow.Models;
using static TorchSharp.torch;
using DropoutKinds = Marrow.Emitted.Marrow.Peft.DropoutAdapterKinds;
using Kinds = Marrow.Emitted.Marrow.Peft.AdapterKinds;

namespace Marrow.Peft;

/// <summary>Layers with adapters whose method and options come from a file, or from an attribute at run time.</summary>
internal static class AdapterLayers
{
    /// <summary>What a file says of a layer.</summary>
    /// <exception cref="FormatException">It says something that Marrow has not.</exception>
    public static AdapterSettings Settings(PeftConfiguration file, string layer) =>
        LoraSettings.FromPeft(file, layer)
        ?? BoneSettings.FromPeft(file)
        ?? throw new FormatException(
            $"peft_type is '{file.Text("peft_type")}'; Marrow has LORA (with use_dora, use_rslora), MISS and BONE");

    /// <summary>What an attribute says.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or does not go with another.</exception>
    public static AdapterSettings Settings(AdapterAttribute attribute) => attribute switch
    {
        BoneAttribute bone => BoneSettings.FromAttribute(bone),
        LowRankAttribute lowRank => LoraSettings.FromAttribute(lowRank),
        _ => throw new NotSupportedException(attribute.GetType().Name),
    };

    /// <summary>
    /// An adapted layer over the weights of a plain one. It shares them, and has an adapter with first values.
    /// </summary>
    /// <returns>Null if the layer cannot be adapted so.</returns>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    public static nn.Module? Over(nn.Module plain, AdapterSettings settings) => plain switch
    {
        TiedLinear head => Over(TiedHeads.Untied(head), settings),
        Linear linear when linear.GetType() == typeof(Linear) => Sharing(
            linear, linear.Weight, Create(linear, settings)),
        Embedding embedding when embedding.GetType() == typeof(Embedding) && IsPlain(settings) => Sharing(
            embedding,
            embedding.Weight,
            new LoraEmbedding(
                new(embedding.LayerName, embedding.Count, embedding.Dim, embedding.PaddingIndex,
                    embedding.Weight.dtype, META),
                (LoraSettings)settings)),
        Conv2d conv when conv.GetType() == typeof(Conv2d) && IsPlain(settings) => Sharing(
            conv, conv.Weight, new LoraConv2d(conv.Site with { Device = META, Init = null }, (LoraSettings)settings)),
        _ => null,
    };

    private static bool IsPlain(AdapterSettings settings) =>
        settings is LoraSettings { Init: LoraInit.Kaiming } and not DoraSettings;

    private static AdaptedLinear Create(Linear plain, AdapterSettings settings)
    {
        var site = new LinearSite(
            plain.LayerName,
            plain.InFeatures,
            plain.OutFeatures,
            plain.Bias is not null,
            null,
            PositiveInput: false,
            plain.Weight.dtype,
            META);
        settings.Check(site); // what the emitted classes, which know no start, do not
        AdaptedLinear layer = settings switch
        {
            DoraSettings { Dropout: 0 } dora => new Kinds.Dora(site, dora.Rank, dora.Alpha),
            DoraSettings dora => new DropoutKinds.Dora(site, dora.Rank, dora.Alpha, dora.Dropout),
            LoraSettings { Dropout: 0 } lora => new Kinds.Lora(site, lora.Rank, lora.Alpha),
            LoraSettings lora => new DropoutKinds.Lora(site, lora.Rank, lora.Alpha, lora.Dropout),
            BoneSettings { Form: BoneForm.Row } bone => new Kinds.BoneRow(site, bone.BlockSize),
            BoneSettings { Form: BoneForm.Column } bone => new Kinds.BoneColumn(site, bone.BlockSize),
            BoneSettings { Form: BoneForm.Free, Dropout: 0 } bone => new Kinds.BoneFree(site, bone.BlockSize),
            BoneSettings { Form: BoneForm.Free } bone =>
                new DropoutKinds.BoneFree(site, bone.BlockSize, bone.Dropout),
            BoneSettings { Dropout: 0 } bone => new Kinds.BoneMini(site, bone.BlockSize, bone.MiniRank),
            BoneSettings bone => new DropoutKinds.BoneMini(site, bone.BlockSize, bone.MiniRank, bone.Dropout),
            _ => throw new NotSupportedException(settings.GetType().Name),
        };
        layer.Adaptation.Settings = settings;
        (layer.IsHead, layer.WasTied) = (plain.IsHead, plain.WasTied);
        return layer;
    }

    private static TLayer Sharing<TLayer>(Layer plain, Tensor weight, TLayer adapted)
        where TLayer : Layer, IAdaptedLayer
    {
        foreach (var (name, value) in plain.named_parameters(recurse: false))
        {
            adapted.GetParameter(name).Dispose();
            adapted.Replace(name, value);
        }

        if (weight.device_type != TorchSharp.DeviceType.META)
        {
            adapted.Adaptation.Materialize(weight.device);
        }

        adapted.train(plain.training);
        return adapted;
    }
}
