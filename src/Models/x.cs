namespace Marrow.Models; internal class XModels;
